//! What was done although no event says so: programs that were run, and connects whose end was lost.
//!
//! `sentry/execve` carries the environment: who makes that large enough has the message dropped, for the socket
//! takes no more than 212,992 bytes by default, and goes on under the name of the program before. Three things tell: a call
//! that succeeded, and another name or a drop; a call that was begun, and a process that has its name now; and where
//! nothing came at all, a main thread with another name, and a counter that says that something was dropped.

use crate::event::{Call, Connect, Errno, Exit, Kind, Raw, SockAddr, Sysno};

use super::super::enters::Opening;
use super::super::path::basename;
use super::super::process::{AskedProgram, Comm, CommBy, Connecting, End, Loaded};
use super::super::program::{COMM_MAX, Program, Provenance, is_foreign};
use super::super::{Descriptor, Object, Observation, Socket, State, Subject, Unseen, UnseenDeed};
use super::Acting;

/// `PR_SET_NAME`, `include/uapi/linux/prctl.h`
const PR_SET_NAME: u64 = 15;

/// The name that the kernel gives a thread that runs `path`.
fn cut(path: &[u8]) -> &[u8] {
    let name = basename(path);
    name.get(..COMM_MAX).unwrap_or(name)
}

/// Whether the event is of the call that gives a thread another name: its end bears that name already.
fn sets_name(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Raw(raw) if raw.sysno() == Sysno::PRCTL && raw.arg(1) == PR_SET_NAME)
}

impl State {
    /// Looks whether the acting process did something before this event that nobody told.
    pub(super) fn watch(&mut self, acting: &Acting<'_>, kind: &Kind<'_>) {
        let losses = self.sight.lost();
        let context = acting.context;
        let Some(process) = self.processes.count_mut(acting.process) else { return };
        if let Some(begun) = process.connecting
            && begun.thread == context.tid
        {
            process.connecting = None;
            if !matches!(kind, Kind::Connect(connect) if connect.call.exit.is_some()) {
                self.unseen_connect(acting, begun);
            }
        }
        let Some(process) = self.processes.count_mut(acting.process) else { return };
        if let Kind::Connect(connect) = kind
            && connect.call.exit.is_none()
            && let Some(remote) = connect.address.inet()
        {
            process.connecting = Some(Connecting { thread: context.tid, fd: connect.fd, remote });
        }
        let is_main = context.tid.0 == context.tgid.0;
        let is_renamed = is_main && process.comm.bytes() != context.comm.bytes() && !context.comm.is_empty();
        let is_exec = matches!(kind, Kind::Execve(_) | Kind::SentryExecve(_));
        if !is_exec && !is_renamed && process.asked.is_none() {
            // By far the most events.
            process.loaded = Loaded::No;
            if is_main {
                process.losses = losses;
                process.comm_by = CommBy::Known;
            }
            return;
        }
        let begins = matches!(kind, Kind::Execve(exec) if exec.call.exit.is_none());
        if !is_exec || begins {
            process.loaded = Loaded::No;
        }
        // A message that was lost on the way to us is no deed of the workload's; one that the sentry dropped may be.
        let is_dropped = losses > process.losses;
        let mut unseen = None;
        if process.asked.as_ref().is_some_and(|asked| asked.thread == context.tid && !is_exec) {
            // A thread makes no other call before its exec has ended. That it ended well is no proof: gVisor says so of
            // a script without its interpreter as well (seen in September 2026).
            let asked = self.processes.get_mut(acting.process).and_then(|process| process.asked.take());
            unseen = asked.filter(|asked| match asked.end {
                End::Succeeded => is_renamed || is_dropped,
                End::Unknown => is_renamed && cut(&asked.path) == context.comm.bytes(),
            });
        }
        let Some(process) = self.processes.count_mut(acting.process) else { return };
        let is_hidden =
            is_renamed && is_dropped && process.comm_by == CommBy::Known && !is_exec && !sets_name(kind);
        if is_main {
            process.losses = losses;
            process.comm_by = CommBy::Known;
        }
        if is_renamed {
            process.comm = Comm::new(context.comm.bytes());
        }
        if unseen.is_some() || is_hidden {
            self.unseen_exec(acting, unseen);
            if let Some(process) = self.processes.count_mut(acting.process) {
                process.exec_unseen = is_dropped;
            }
        }
    }

    /// What the process runs now is what it asked for, if that is known: it may have deceived the sentry about the path, so
    /// the file is believed to be foreign, but not to be the image's.
    fn unseen_exec(&mut self, acting: &Acting<'_>, asked: Option<Box<AskedProgram>>) {
        self.sight.unseen_exec();
        let is_told = asked.is_some();
        let program = match asked.map(|asked| *asked) {
            Some(asked) => {
                let path = self.absolute(acting, &asked.path).unwrap_or_default();
                let seen = asked.provenance.or_else(|| {
                    self.find_file(acting, &path).and_then(|file| self.provenance_of(acting, file))
                });
                let executable =
                    seen.filter(|seen| is_foreign(seen.origin)).unwrap_or_else(Provenance::default);
                let name = cut(&asked.path).into();
                Program { path, name, argv: asked.argv, executable, ..Program::default() }
            }
            None => self.named_like(acting).unwrap_or_default(),
        };
        let program = Program { time: acting.time, ..program };
        let is_known = is_told || !program.path.is_empty();
        self.leaves_program(acting);
        self.becomes(acting, program);
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.comm_by = CommBy::Known;
            process.comm = Comm::new(acting.context.comm.bytes());
        }
        if is_known {
            let Acting { time, container, process, .. } = *acting;
            let subject = Subject::Process;
            let observation = Observation { time, container, process, fd: None, subject, arg_changed: false };
            self.inferred = Some(Box::new(Unseen { observation, deed: UnseenDeed::Exec }));
        }
    }

    /// The program whose name the process has now, of those that came from elsewhere: a name that nobody told of is that
    /// of the file that is run. Where two have it, or a program of the image as well, nobody can tell.
    fn named_like(&self, acting: &Acting<'_>) -> Option<Program> {
        let comm = acting.context.comm.bytes();
        let container = self.container_at(acting.container)?;
        let mut named = container.files.iter().filter(|file| cut(&file.path) == comm);
        let file =
            named.next().filter(|file| is_foreign(file.provenance.origin) && named.next().is_none())?;
        let executable = file.provenance.clone();
        Some(Program { path: file.path.clone(), name: comm.into(), executable, ..Program::default() })
    }

    /// A thread was within a connect and has gone on: how that ended was lost.
    fn unseen_connect(&mut self, acting: &Acting<'_>, begun: Connecting) {
        let known = self.processes.fds(acting.process).and_then(|fds| fds.get(begun.fd));
        if let Some(Descriptor { object: Object::Socket(socket), .. }) = known
            && self.sockets.get(socket).and_then(Socket::remote) == Some(begun.remote)
        {
            // Its end was told, only too early.
            return;
        }
        let exit = Some(Exit { result: 0, errno: Errno::EINPROGRESS });
        let connect = Connect {
            call: Call { sysno: Sysno::CONNECT, exit },
            fd: begun.fd,
            address: SockAddr::Inet(begun.remote),
            ..Connect::default()
        };
        self.sight.unseen_connect();
        let Some((fd, subject)) = self.connect(acting, &connect) else { return };
        let Acting { time, container, process, .. } = *acting;
        let observation = Observation { time, container, process, fd, subject, arg_changed: false };
        self.inferred = Some(Box::new(Unseen { observation, deed: UnseenDeed::Connect(begun.remote) }));
    }

    /// A thread was within an open and has gone on: how that ended was lost. A look at the host is one all the same; what
    /// descriptor it got, if any, is told by those that use it.
    pub(super) fn unseen_open(&mut self, acting: &Acting<'_>, opening: &Opening) {
        let Acting { time, container, process, .. } = *acting;
        let path: Box<[u8]> = opening.path().bytes().into();
        let subject = self.find_file(acting, &path).map_or(Subject::Other, Subject::File);
        let observation = Observation { time, container, process, fd: None, subject, arg_changed: false };
        let deed = UnseenDeed::Open { call: opening.call, path, flags: opening.flags };
        self.inferred = Some(Box::new(Unseen { observation, deed }));
    }

    /// The process gives its main thread another name by itself.
    pub(super) fn prctl(&mut self, acting: &Acting<'_>, raw: &Raw) {
        if raw.arg(1) == PR_SET_NAME {
            self.renames_itself(acting);
        }
    }

    /// The next name of the main thread is one that was given to it, not that of a program.
    pub(super) fn renames_itself(&mut self, acting: &Acting<'_>) {
        if let Some(process) = self.processes.count_mut(acting.process) {
            process.comm_by = CommBy::Itself;
        }
    }
}
