//! Maps and sets without an order, and without a way to walk them: their order must never reach an output.
//!
//! The hash is seeded per process, so a rule file cannot aim at one bucket.

use core::borrow::Borrow;
use core::hash::Hash;

/// A map that can be asked, not walked.
#[derive(Clone, Debug)]
pub(crate) struct Map<K, V>(hashbrown::HashMap<K, V, foldhash::quality::RandomState>);

/// A set that can be asked, not walked.
#[derive(Clone, Debug)]
pub(crate) struct Set<K>(hashbrown::HashSet<K, foldhash::quality::RandomState>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(hashbrown::HashMap::default())
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Set(hashbrown::HashSet::default())
    }
}

impl<K: Eq + Hash, V> Map<K, V> {
    /// The value of a key.
    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// Sets the value of a key; the old one, if there was one.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }
}

impl<K: Eq + Hash> Set<K> {
    /// Whether it holds a key.
    pub(crate) fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains(key)
    }

    /// Adds a key; whether it is new.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key)
    }

    /// How many keys it holds.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
