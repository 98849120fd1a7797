//! Descriptor tables: number → what it leads to, copied in O(1) on fork.
//!
//! A table is a list of leaves of [`LEAF`] entries behind [`Arc`]s: a copy shares all of them, and whoever writes
//! copies the one leaf that it writes to. Descriptors are dense small integers, so a lookup is two indexed accesses.
//!
//! Bounds: numbers from [`MAX_FD`] on are kept in a list of [`MAX_HIGH`] (one dup2(2) to 2^30 would else allocate the
//! leaves up to it).

use std::sync::Arc;

use crate::event::Fd;

use super::{FileId, PipeId, SocketId};

/// Entries to a leaf: 16 bytes each, so that the copy after a fork is one cache-friendly block of 512 bytes.
const LEAF: usize = 32;

/// Descriptors from here on are kept apart. The kernel's default hard limit for a process is 1,048,576, gVisor's too,
/// but hardly anybody's files, sockets and pipes lie so high.
pub(crate) const MAX_FD: usize = 65_536;

/// Descriptors above [`MAX_FD`] that are kept of a process. Who puts a socket there is hiding it, and needs a few; who
/// puts more there than this hides some, and is counted.
const MAX_HIGH: usize = 64;

/// What a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// Open, but nobody said what it is.
    Unknown,
    /// A file with a path.
    File(FileId),
    /// A socket.
    Socket(SocketId),
    /// One end of a pipe.
    Pipe(PipeId, PipeEnd),
    /// An NVIDIA device.
    Nvidia(Nvidia),
    /// An eventfd, timerfd, signalfd, inotify or epoll descriptor.
    Anon,
}

/// Which end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeEnd {
    /// Where bytes come out.
    Read,
    /// Where bytes go in.
    Write,
}

/// Which NVIDIA device node (`nvproxy.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nvidia {
    /// `/dev/nvidiactl`
    Control,
    /// `/dev/nvidia0` and so on: one GPU.
    Gpu,
    /// `/dev/nvidia-uvm`: unified memory, which every CUDA context needs.
    Uvm,
}

/// What can be done through a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Write only.
    Write,
    /// Both.
    ReadWrite,
    /// Neither: a handle on the path only (`O_PATH`).
    Path,
}

impl Access {
    /// Whether bytes can go in.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Access::Write | Access::ReadWrite => true,
            Access::Read | Access::Path => false,
        }
    }

    /// Whether bytes can come out.
    #[must_use]
    pub fn is_read(self) -> bool {
        match self {
            Access::Read | Access::ReadWrite => true,
            Access::Write | Access::Path => false,
        }
    }
}

/// What happens to a descriptor when its process runs another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExec {
    /// It stays open.
    Keep,
    /// It closes (`FD_CLOEXEC`).
    Close,
}

/// Whether the program that holds a descriptor opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It did, or was given it as standard input, output or error.
    Own,
    /// It was open when the program started; nobody is known to use it.
    PassedOn,
}

/// An open descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// What it leads to.
    pub object: Object,
    /// What can be done through it.
    pub access: Access,
    /// What exec does to it.
    pub on_exec: OnExec,
    /// Whose it is.
    pub held: Held,
}

impl Descriptor {
    /// A descriptor that the running program opened.
    pub(crate) fn own(object: Object, access: Access, on_exec: OnExec) -> Descriptor {
        Descriptor { object, access, on_exec, held: Held::Own }
    }
}

/// What a call does to a table: kept of a process whose clone is still to come, to be done again on what it inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableOp {
    /// The number leads to something new.
    Set(Fd, Descriptor),
    /// The number turned out to lead there all along.
    Mend(Fd, Descriptor),
    /// `new` leads where `old` does; where that is not known, to `otherwise`.
    Dup { old: Fd, new: Fd, on_exec: OnExec, otherwise: Object },
    /// close(2)
    Close(Fd),
    /// close_range(2), both ends included.
    CloseRange(u32, u32),
    /// close_range(2) with `CLOSE_RANGE_CLOEXEC`.
    CloseRangeOnExec(u32, u32),
    /// fcntl(2) with F_SETFD.
    OnExec(Fd, OnExec),
    /// A program is run.
    Exec,
}

type Leaf = [Option<Descriptor>; LEAF];

/// The descriptors of a process.
#[derive(Clone, Debug, Default)]
pub struct FdTable {
    leaves: Arc<Vec<Arc<Leaf>>>,
    /// Those from [`MAX_FD`] on, by rising number. Hardly anyone has any.
    high: Option<Arc<Vec<(Fd, Descriptor)>>>,
}

/// The descriptor does not fit: its number is negative, or it is one too many above [`MAX_FD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

fn place(fd: Fd) -> Option<(usize, usize)> {
    let number = usize::try_from(fd.0).ok().filter(|number| *number < MAX_FD)?;
    Some((number / LEAF, number % LEAF))
}

impl FdTable {
    /// What `fd` is.
    #[must_use]
    pub fn get(&self, fd: Fd) -> Option<Descriptor> {
        let Some((leaf, at)) = place(fd) else {
            let high = self.high.as_ref()?;
            let at = high.binary_search_by_key(&fd, |(fd, _)| *fd).ok()?;
            return high.get(at).map(|(_, descriptor)| *descriptor);
        };
        *self.leaves.get(leaf)?.get(at)?
    }

    /// Does what a call does.
    pub(crate) fn apply(&mut self, op: TableOp) -> Result<(), OutOfRange> {
        match op {
            TableOp::Set(fd, descriptor) | TableOp::Mend(fd, descriptor) => return self.set(fd, descriptor),
            TableOp::Dup { old, new, on_exec, otherwise } => {
                let known = self.get(old);
                let known = known.unwrap_or_else(|| Descriptor::own(otherwise, Access::ReadWrite, on_exec));
                return self.set(new, Descriptor { on_exec, held: Held::Own, ..known });
            }
            TableOp::Close(fd) => {
                self.close(fd);
            }
            TableOp::CloseRange(first, last) => self.close_range(first, last),
            TableOp::CloseRangeOnExec(first, last) => {
                let within: Vec<Fd> =
                    self.iter().map(|(fd, _)| fd).filter(|fd| is_within(*fd, first, last)).collect();
                for fd in within {
                    self.set_on_exec(fd, OnExec::Close);
                }
            }
            TableOp::OnExec(fd, on_exec) => self.set_on_exec(fd, on_exec),
            TableOp::Exec => self.exec(),
        }
        Ok(())
    }

    /// Makes `fd` lead to `descriptor`, whatever it was before.
    pub(crate) fn set(&mut self, fd: Fd, descriptor: Descriptor) -> Result<(), OutOfRange> {
        self.put(fd, Some(descriptor))
    }

    /// Closes `fd` and says what it was.
    pub(crate) fn close(&mut self, fd: Fd) -> Option<Descriptor> {
        let was = self.get(fd)?;
        self.put(fd, None).ok()?;
        Some(was)
    }

    /// Sets what exec does to `fd`.
    pub(crate) fn set_on_exec(&mut self, fd: Fd, on_exec: OnExec) {
        if let Some(descriptor) = self.get(fd).filter(|descriptor| descriptor.on_exec != on_exec) {
            // A descriptor that is there is in range.
            let _in_range = self.put(fd, Some(Descriptor { on_exec, ..descriptor }));
        }
    }

    /// What exec does: closes what is to be closed, and marks what the new program was passed. Leaves that stay as
    /// they are stay shared.
    pub(crate) fn exec(&mut self) {
        self.retain(|_, descriptor| descriptor.on_exec == OnExec::Keep);
        let passed: Vec<Fd> = self
            .iter()
            .filter(|(fd, descriptor)| *fd > Fd::STDERR && descriptor.held == Held::Own)
            .map(|(fd, _)| fd)
            .collect();
        for fd in passed {
            if let Some(descriptor) = self.get(fd) {
                // A descriptor that is there is in range.
                let _in_range = self.put(fd, Some(Descriptor { held: Held::PassedOn, ..descriptor }));
            }
        }
    }

    /// Closes all of `first..=last`.
    pub(crate) fn close_range(&mut self, first: u32, last: u32) {
        self.retain(|fd, _| !is_within(fd, first, last));
    }

    fn retain(&mut self, keep: impl Fn(Fd, &Descriptor) -> bool) {
        if let Some(high) = &mut self.high
            && high.iter().any(|(fd, descriptor)| !keep(*fd, descriptor))
        {
            Arc::make_mut(high).retain(|(fd, descriptor)| keep(*fd, descriptor));
        }
        let doomed = |leaf_at: usize, leaf: &Leaf| {
            entries(leaf_at, leaf).any(|(fd, descriptor)| !keep(fd, &descriptor))
        };
        if !self.leaves.iter().enumerate().any(|(at, leaf)| doomed(at, leaf)) {
            return;
        }
        for (leaf_at, leaf) in Arc::make_mut(&mut self.leaves).iter_mut().enumerate() {
            if !doomed(leaf_at, leaf) {
                continue;
            }
            for (at, entry) in Arc::make_mut(leaf).iter_mut().enumerate() {
                if entry.is_some_and(|descriptor| !keep(number(leaf_at, at), &descriptor)) {
                    *entry = None;
                }
            }
        }
    }

    /// The open descriptors by rising number.
    pub fn iter(&self) -> impl Iterator<Item = (Fd, Descriptor)> + '_ {
        let high = self.high.iter().flat_map(|high| high.iter().copied());
        self.leaves.iter().enumerate().flat_map(|(leaf_at, leaf)| entries(leaf_at, leaf)).chain(high)
    }

    fn put(&mut self, fd: Fd, entry: Option<Descriptor>) -> Result<(), OutOfRange> {
        let Some((leaf_at, at)) = place(fd) else { return self.put_high(fd, entry) };
        let leaves = Arc::make_mut(&mut self.leaves);
        if leaves.len() <= leaf_at {
            let empty = Arc::new([None; LEAF]);
            leaves.resize(leaf_at.saturating_add(1), empty);
        }
        if let Some(slot) = leaves.get_mut(leaf_at).and_then(|leaf| Arc::make_mut(leaf).get_mut(at)) {
            *slot = entry;
        }
        Ok(())
    }

    fn put_high(&mut self, fd: Fd, entry: Option<Descriptor>) -> Result<(), OutOfRange> {
        if !fd.is_open() {
            return Err(OutOfRange);
        }
        let high = Arc::make_mut(self.high.get_or_insert_default());
        match (high.binary_search_by_key(&fd, |(fd, _)| *fd), entry) {
            (Ok(at), Some(descriptor)) => {
                if let Some(slot) = high.get_mut(at) {
                    slot.1 = descriptor;
                }
            }
            (Ok(at), None) => {
                high.remove(at);
            }
            (Err(at), Some(descriptor)) if high.len() < MAX_HIGH => high.insert(at, (fd, descriptor)),
            (Err(_), Some(_)) => return Err(OutOfRange),
            (Err(_), None) => {}
        }
        Ok(())
    }
}

fn is_within(fd: Fd, first: u32, last: u32) -> bool {
    (first..=last).contains(&fd.0.cast_unsigned())
}

fn number(leaf: usize, at: usize) -> Fd {
    Fd(i32::try_from(leaf.saturating_mul(LEAF).saturating_add(at)).unwrap_or(i32::MAX))
}

fn entries(leaf_at: usize, leaf: &Leaf) -> impl Iterator<Item = (Fd, Descriptor)> + '_ {
    leaf.iter()
        .enumerate()
        .filter_map(move |(at, entry)| entry.map(|descriptor| (number(leaf_at, at), descriptor)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn file(on_exec: OnExec) -> Descriptor {
        Descriptor::own(Object::Unknown, Access::Read, on_exec)
    }

    #[test]
    fn a_copy_does_not_see_what_is_done_to_the_original() {
        let mut parent = FdTable::default();
        parent.set(Fd(3), file(OnExec::Keep)).unwrap();
        let child = parent.clone();
        parent.close(Fd(3));
        assert_eq!(parent.get(Fd(3)), None);
        assert_eq!(child.get(Fd(3)), Some(file(OnExec::Keep)));
    }

    #[test]
    fn a_few_high_numbers_are_kept_and_the_rest_is_refused() {
        let mut table = FdTable::default();
        assert_eq!(table.set(Fd(-1), file(OnExec::Keep)), Err(OutOfRange));
        for fd in [Fd(65_535), Fd(65_536), Fd(1 << 30), Fd(i32::MAX)] {
            assert_eq!(table.set(fd, file(OnExec::Keep)), Ok(()));
            assert_eq!(table.get(fd), Some(file(OnExec::Keep)));
        }
        table.close(Fd(1 << 30));
        assert_eq!(table.get(Fd(1 << 30)), None);
        let refused = (100_000..200_000).filter(|fd| table.set(Fd(*fd), file(OnExec::Keep)).is_err()).count();
        assert_eq!(refused, 100_000 - (MAX_HIGH - 2));
    }

    #[test]
    fn a_duplicate_of_what_is_not_known_leads_to_what_the_sentry_says() {
        let mut table = FdTable::default();
        let dup =
            |old| TableOp::Dup { old: Fd(old), new: Fd(7), on_exec: OnExec::Close, otherwise: Object::Anon };
        table.apply(dup(3)).unwrap();
        assert_eq!(table.get(Fd(7)).unwrap().object, Object::Anon);
        table.set(Fd(3), file(OnExec::Keep)).unwrap();
        table.apply(dup(3)).unwrap();
        assert_eq!(table.get(Fd(7)).unwrap(), Descriptor { on_exec: OnExec::Close, ..file(OnExec::Keep) });
    }

    #[derive(Clone, Debug)]
    enum Op {
        Set(i32, bool),
        Close(i32),
        SetOnExec(i32, bool),
        Exec,
        CloseRange(u32, u32),
        Fork,
    }

    fn op() -> impl Strategy<Value = Op> {
        let fd = prop_oneof![9 => -2..100i32, 1 => 70_000..70_005i32];
        prop_oneof![
            4 => (fd.clone(), any::<bool>()).prop_map(|(fd, cloexec)| Op::Set(fd, cloexec)),
            2 => fd.clone().prop_map(Op::Close),
            1 => (fd, any::<bool>()).prop_map(|(fd, cloexec)| Op::SetOnExec(fd, cloexec)),
            1 => Just(Op::Exec),
            1 => (0..100u32, prop_oneof![0..200u32, Just(u32::MAX)]).prop_map(|(first, last)| Op::CloseRange(first, last)),
            1 => Just(Op::Fork),
        ]
    }

    fn on_exec(cloexec: bool) -> OnExec {
        if cloexec { OnExec::Close } else { OnExec::Keep }
    }

    proptest! {
        /// Against a map that is copied whole, over two tables that forked from one another.
        #[test]
        fn behaves_like_a_plain_map(ops in proptest::collection::vec(op(), 0..60)) {
            let (mut table, mut model) = (FdTable::default(), BTreeMap::new());
            let mut forked: Vec<(FdTable, BTreeMap<i32, Descriptor>)> = Vec::new();
            for op in ops {
                match op {
                    Op::Set(fd, cloexec) => {
                        if table.set(Fd(fd), file(on_exec(cloexec))).is_ok() {
                            model.insert(fd, file(on_exec(cloexec)));
                        }
                    }
                    Op::Close(fd) => prop_assert_eq!(table.close(Fd(fd)), model.remove(&fd)),
                    Op::SetOnExec(fd, cloexec) => {
                        table.set_on_exec(Fd(fd), on_exec(cloexec));
                        if let Some(descriptor) = model.get_mut(&fd) {
                            descriptor.on_exec = on_exec(cloexec);
                        }
                    }
                    Op::Exec => {
                        table.exec();
                        model.retain(|_, descriptor| descriptor.on_exec == OnExec::Keep);
                        for (_, descriptor) in model.range_mut(3..) {
                            descriptor.held = Held::PassedOn;
                        }
                    }
                    Op::CloseRange(first, last) => {
                        table.close_range(first, last);
                        model.retain(|fd, _| !(first..=last).contains(&u32::try_from(*fd).unwrap()));
                    }
                    Op::Fork => forked.push((table.clone(), model.clone())),
                }
                prop_assert!(table.iter().eq(model.iter().map(|(fd, descriptor)| (Fd(*fd), *descriptor))));
            }
            for (table, model) in forked {
                prop_assert!(table.iter().eq(model.iter().map(|(fd, descriptor)| (Fd(*fd), *descriptor))));
            }
        }
    }
}
