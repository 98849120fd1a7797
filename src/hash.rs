//! Maps keyed by what a workload chose.
//!
//! The hasher is seeded per process, so that crafted keys cannot make a map slow, and the maps hide their order:
//! no iteration order of a hash table may reach a finding or an eviction.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;

/// A hash map without iteration.
#[derive(Clone)]
pub(crate) struct Map<K, V>(hashbrown::HashMap<K, V, foldhash::quality::RandomState>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(hashbrown::HashMap::default())
    }
}

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "map of {}", self.0.len())
    }
}

impl<K: Eq + Hash, V> Map<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that the map allocated, without what its keys and values hold.
    pub(crate) fn heap(&self) -> usize {
        self.0.allocation_size()
    }
}

/// A hash set without iteration.
#[derive(Clone)]
pub(crate) struct Set<K>(hashbrown::HashSet<K, foldhash::quality::RandomState>);

impl<K> Default for Set<K> {
    fn default() -> Self {
        Set(hashbrown::HashSet::default())
    }
}

impl<K> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "set of {}", self.0.len())
    }
}

impl<K: Eq + Hash> Set<K> {
    pub(crate) fn contains<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains(key)
    }

    /// Adds a key; whether it is new.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key)
    }

    /// The keys in their own order, not the table's.
    pub(crate) fn sorted(&self) -> Vec<K>
    where
        K: Ord + Clone,
    {
        let mut keys: Vec<K> = self.0.iter().cloned().collect();
        keys.sort_unstable();
        keys
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
