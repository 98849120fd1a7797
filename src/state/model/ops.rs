//! Operations as data.
//!
//! An operation is eight bytes: what to do, who does it, and numbers to choose with. It becomes one event by looking
//! at the model ([`player`](super::player)): "the third descriptor" is one that is open, a new descriptor has the
//! lowest free number, an id is reused when its bearer is gone. So any bytes are a plausible run, a shorter run is as
//! good as a longer one, and the fuzzer and the property test play the same game.

use std::fmt;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Start,
    Fork,
    Thread,
    /// The event of a process whose clone is still to come.
    EarlyChild,
    /// That clone.
    LateClone,
    Ask,
    AskFails,
    Exec,
    Exit,
    TaskExit,
    Chdir,
    Fchdir,
    Open,
    OpenFails,
    CloseBegins,
    Close,
    CloseRange,
    Dup,
    Fcntl,
    Pipe,
    SocketPair,
    Anon,
    Memfd,
    Socket,
    Connect,
    Accept,
    Send,
    Recv,
    Read,
    Write,
    Ioctl,
    Rename,
    Chmod,
    OtherCall,
    NoContext,
}

/// How often each is done, of all together.
const WEIGHTS: &[(Act, u8)] = &[
    (Act::Open, 32),
    (Act::Close, 14),
    (Act::Fork, 11),
    (Act::Exit, 9),
    (Act::Exec, 14),
    (Act::Dup, 10),
    (Act::Pipe, 8),
    (Act::Connect, 14),
    (Act::Write, 14),
    (Act::Read, 10),
    (Act::Socket, 8),
    (Act::Recv, 14),
    (Act::Send, 7),
    (Act::Fcntl, 8),
    (Act::Ioctl, 6),
    (Act::Rename, 8),
    (Act::Accept, 4),
    (Act::EarlyChild, 6),
    (Act::LateClone, 6),
    (Act::Memfd, 4),
    (Act::Chdir, 4),
    (Act::Ask, 5),
    (Act::CloseRange, 3),
    (Act::SocketPair, 6),
    (Act::CloseBegins, 3),
    (Act::OpenFails, 3),
    (Act::Fchdir, 2),
    (Act::Thread, 2),
    (Act::Anon, 2),
    (Act::Chmod, 2),
    (Act::AskFails, 2),
    (Act::Start, 2),
    (Act::TaskExit, 2),
    (Act::OtherCall, 2),
    (Act::NoContext, 1),
];

/// Bytes of an operation.
pub(super) const SIZE: usize = 8;

/// One operation.
#[derive(Clone, Copy)]
pub(super) struct Op {
    pub(super) act: Act,
    pub(super) who: u8,
    pub(super) a: u8,
    pub(super) b: u8,
    pub(super) c: u8,
    pub(super) d: u8,
    /// How the call ends, of the errors.
    pub(super) errno: u8,
    /// How much time passes.
    pub(super) pause: u8,
}

/// On one line: a run that fails is a list of them.
impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Op { act, who, a, b, c, d, errno, pause } = self;
        write!(f, "{act:?} who={who} a={a} b={b} c={c} d={d} errno={errno} pause={pause}")
    }
}

impl Op {
    pub(super) fn of([act, who, a, b, c, d, errno, pause]: [u8; SIZE]) -> Op {
        let total: usize = WEIGHTS.iter().map(|(_, weight)| usize::from(*weight)).sum();
        // The product spreads the 256 values of the byte evenly over the weights.
        let mut at = usize::from(act) * total / 256;
        let mut chosen = Act::NoContext;
        for (act, weight) in WEIGHTS {
            if at < usize::from(*weight) {
                chosen = *act;
                break;
            }
            at -= usize::from(*weight);
        }
        Op { act: chosen, who, a, b, c, d, errno, pause }
    }
}
