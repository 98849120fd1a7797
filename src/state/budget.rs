//! The bytes that a sandbox may remember, and who holds them.
//!
//! Everything on the heap that grows with input is charged to its sandbox's [`Budget`] by a [`Charge`], which gives
//! back when it is dropped. What is shared (programs, chains of bytes, leaves of descriptor tables) carries its charge
//! inside, so it is paid once and for as long as anybody holds it, be it the state or the evidence of a match. Tables
//! are charged by what they allocated, not by what is in them.
//!
//! Bounds: [`DEFAULT_BUDGET`] unless the owner says otherwise. Who charges does not ask first: before each event the
//! state makes room for [`Budget::reserve`] bytes, more than one event takes.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that a sandbox may remember, where its owner does not say. An idle sandbox has some tens of KiB.
pub const DEFAULT_BUDGET: usize = 4 << 20;

/// The smallest budget that is taken: below it nothing could be remembered for as long as a rule takes.
pub const MIN_BUDGET: usize = 256 << 10;

/// What an allocation costs beside its bytes: header and alignment of the usual allocators.
pub(crate) const PER_ALLOCATION: usize = 16;

/// What bytes are for. Descriptors and evidence have shares of their own, so that neither takes all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Account {
    /// Processes, programs, files, sockets, endpoints, with their tables.
    #[default]
    Objects,
    /// Descriptor tables.
    Descriptors,
    /// Partial matches, counters, and what a score rests on.
    Evidence,
    /// Bytes that are paid in another account and that evidence keeps from being given back.
    Pinned,
}

/// How many accounts there are.
const ACCOUNTS: usize = 4;

/// One counter for each account. They are shared by everything that a sandbox remembers and may travel with it
/// to another thread; they guard nothing, so no order of memory is asked for.
#[derive(Debug)]
struct Ledger {
    limit: usize,
    accounts: [AtomicUsize; ACCOUNTS],
    /// What was given up where nobody else counts it.
    descriptors: AtomicU64,
    evidence: AtomicU64,
}

impl Ledger {
    fn account(&self, account: Account) -> &AtomicUsize {
        let [objects, descriptors, evidence, pinned] = &self.accounts;
        match account {
            Account::Objects => objects,
            Account::Descriptors => descriptors,
            Account::Evidence => evidence,
            Account::Pinned => pinned,
        }
    }
}

/// The budget of one sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Ledger>);

impl Default for Budget {
    fn default() -> Self {
        Budget::new(DEFAULT_BUDGET)
    }
}

impl Budget {
    /// A budget of so many bytes, at least [`MIN_BUDGET`].
    pub(crate) fn new(bytes: usize) -> Budget {
        Budget(Arc::new(Ledger {
            limit: bytes.max(MIN_BUDGET),
            accounts: Default::default(),
            descriptors: AtomicU64::default(),
            evidence: AtomicU64::default(),
        }))
    }

    /// The bytes that may be remembered.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// The bytes that are charged.
    pub(crate) fn used(&self) -> usize {
        self.of(Account::Objects)
            .saturating_add(self.of(Account::Descriptors))
            .saturating_add(self.of(Account::Evidence))
    }

    fn of(&self, account: Account) -> usize {
        self.0.account(account).load(Ordering::Relaxed)
    }

    /// Room that is made before an event: its packet is read into objects that are smaller, but a table that doubles
    /// is larger. A sixteenth, so that the rest is memory.
    pub(crate) fn reserve(&self) -> usize {
        self.0.limit / 16
    }

    /// Whether the next event might not find room.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        self.used() > self.0.limit.saturating_sub(self.reserve())
    }

    /// Whether descriptor tables hold more than their share: a quarter.
    pub(crate) fn descriptors_are_over(&self) -> bool {
        self.of(Account::Descriptors) > self.0.limit / 4
    }

    /// The bytes of descriptor tables.
    pub(crate) fn descriptors(&self) -> usize {
        self.of(Account::Descriptors)
    }

    /// The bytes of evidence, with what it pins.
    pub(crate) fn evidence(&self) -> usize {
        self.of(Account::Evidence).saturating_add(self.of(Account::Pinned))
    }

    /// The bytes that evidence may hold and pin: half of all.
    pub(crate) fn evidence_share(&self) -> usize {
        self.0.limit / 2
    }

    /// By how many bytes evidence is beyond its share.
    pub(crate) fn evidence_over(&self) -> usize {
        self.evidence().saturating_sub(self.evidence_share())
    }

    /// Descriptors had to be forgotten.
    pub(crate) fn forgot_descriptors(&self, count: u64) {
        self.0.descriptors.fetch_add(count, Ordering::Relaxed);
    }

    /// Partial matches, counters and the like had to be forgotten.
    pub(crate) fn forgot_evidence(&self, count: u64) {
        self.0.evidence.fetch_add(count, Ordering::Relaxed);
    }

    /// Descriptors that had to be forgotten so far.
    pub(crate) fn forgotten_descriptors(&self) -> u64 {
        self.0.descriptors.load(Ordering::Relaxed)
    }

    /// Partial matches, counters and the like that had to be forgotten so far.
    pub(crate) fn forgotten_evidence(&self) -> u64 {
        self.0.evidence.load(Ordering::Relaxed)
    }

    /// Charges so many bytes.
    pub(crate) fn charge(&self, account: Account, bytes: usize) -> Charge {
        let mut charge = Charge { ledger: Some(Arc::clone(&self.0)), account, bytes: 0 };
        charge.set(bytes);
        charge
    }
}

/// Bytes that are charged until this is dropped. The default one belongs to no budget and charges nobody.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    ledger: Option<Arc<Ledger>>,
    account: Account,
    bytes: usize,
}

impl Charge {
    /// From now on it is so many bytes.
    pub(crate) fn set(&mut self, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        if let Some(ledger) = &self.ledger {
            // The sum of all charges is no more than there is memory, so it is right modulo its width.
            let more = bytes.wrapping_sub(self.bytes);
            ledger.account(self.account).fetch_add(more, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// How many bytes that is.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Clone for Charge {
    fn clone(&self) -> Self {
        let mut copy = Charge { ledger: self.ledger.clone(), account: self.account, bytes: 0 };
        copy.set(self.bytes);
        copy
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// How many pieces of evidence keep something shared alive. The bytes count once against their share, however many.
#[derive(Debug, Default)]
pub(crate) struct Pins(AtomicUsize);

impl Pins {
    fn ledger<'c>(&self, charge: &'c Charge) -> Option<&'c AtomicUsize> {
        charge.ledger.as_ref().map(|ledger| ledger.account(Account::Pinned))
    }

    /// One more keeps alive what `charge` pays for.
    pub(crate) fn pin(&self, charge: &Charge) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0
            && let Some(pinned) = self.ledger(charge)
        {
            pinned.fetch_add(charge.bytes, Ordering::Relaxed);
        }
    }

    /// One fewer does.
    pub(crate) fn unpin(&self, charge: &Charge) {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 1
            && let Some(pinned) = self.ledger(charge)
        {
            pinned.fetch_sub(charge.bytes, Ordering::Relaxed);
        }
    }
}

impl Clone for Pins {
    /// A copy is kept alive by nobody yet.
    fn clone(&self) -> Self {
        Pins::default()
    }
}

/// What an object weighs beside its own size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Bytes on the heap that are the object's alone.
    pub(crate) own: usize,
    /// Bytes that it shares with others and that are charged there: they say whom a flood consists of.
    pub(crate) shared: usize,
}

/// The bytes of an allocation with `len` elements.
pub(crate) fn heap_of<T>(len: usize) -> usize {
    if len == 0 { 0 } else { len.saturating_mul(size_of::<T>()).saturating_add(PER_ALLOCATION) }
}

/// A list that is made once and shared, charged once.
#[derive(Debug)]
pub struct Shared<T>(Arc<Charged<T>>);

#[derive(Debug)]
struct Charged<T> {
    items: Box<[T]>,
    charge: Charge,
}

impl<T> Shared<T> {
    pub(crate) fn new(items: impl Into<Box<[T]>>, budget: &Budget) -> Shared<T> {
        let items = items.into();
        let bytes = heap_of::<T>(items.len()).saturating_add(heap_of::<Charged<T>>(1));
        Shared(Arc::new(Charged { items, charge: budget.charge(Account::Objects, bytes) }))
    }

    /// What the list costs.
    pub(crate) fn bytes(&self) -> usize {
        self.0.charge.bytes()
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Shared(Arc::new(Charged { items: Box::default(), charge: Charge::default() }))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let budget = Budget::default();
        let mut first = budget.charge(Account::Objects, 100);
        let second = budget.charge(Account::Descriptors, 50);
        assert_eq!(budget.used(), 150);
        first.set(30);
        drop(second);
        assert_eq!(budget.used(), 30);
        let copy = first.clone();
        assert_eq!(budget.used(), 60);
        drop((first, copy));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_is_shared_is_charged_once() {
        let budget = Budget::default();
        let list = Shared::<u8>::new(*b"/home/user", &budget);
        let once = budget.used();
        let other = list.clone();
        assert_eq!((budget.used(), other.bytes()), (once, once));
        drop(list);
        assert_eq!(budget.used(), once);
        drop(other);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn pinned_bytes_count_against_evidence_once_and_are_not_paid_twice() {
        let budget = Budget::new(1 << 20);
        let _own = budget.charge(Account::Evidence, 1000);
        let (object, pins) = (budget.charge(Account::Objects, 1 << 20), Pins::default());
        pins.pin(&object);
        pins.pin(&object);
        assert_eq!(budget.used(), 1000 + (1 << 20));
        assert_eq!(budget.evidence_over(), 1000 + (1 << 19));
        pins.unpin(&object);
        assert_eq!(budget.evidence(), 1000 + (1 << 20));
        pins.unpin(&object);
        assert_eq!(budget.evidence(), 1000);
    }
}
