//! Programs that were run although no event says so.
//!
//! `sentry/execve` carries the environment: who makes that large enough has the message dropped, for the socket
//! takes no more than 212,992 bytes by default, and goes on under the name of the program before. Three things tell: a call
//! that succeeded and no word of what it loaded; a call that was begun, and a process that has its name now; and where
//! nothing came at all, a main thread with another name, and a counter that says that something was dropped.

use crate::event::{Kind, Raw, Sysno};

use super::super::path::basename;
use super::super::process::{AskedProgram, Comm, CommBy, End, Loaded};
use super::super::program::{COMM_MAX, Program, Provenance, is_foreign};
use super::super::{Observation, State, Subject};
use super::Acting;

/// `PR_SET_NAME`, `include/uapi/linux/prctl.h`
const PR_SET_NAME: u64 = 15;

/// The name that the kernel gives a thread that runs `path`.
fn cut(path: &[u8]) -> &[u8] {
    let name = basename(path);
    name.get(..COMM_MAX).unwrap_or(name)
}

impl State {
    /// Looks whether the acting process runs another program than it was seen to start.
    pub(super) fn watch_exec(&mut self, acting: &Acting<'_>, kind: &Kind<'_>) {
        let losses = self.sight.lost();
        let context = acting.context;
        let Some(process) = self.processes.get_mut(acting.process) else { return };
        let is_main = context.tid.0 == context.tgid.0;
        let renamed = is_main && !context.comm.is_empty() && process.comm.bytes() != context.comm.bytes();
        let is_exec = matches!(kind, Kind::Execve(_) | Kind::SentryExecve(_));
        if !is_exec {
            process.loaded = Loaded::No;
        }
        let mut unseen = None;
        if let Some(asked) = &mut process.asked
            && asked.thread == context.tid
            && !is_exec
        {
            // A thread makes no other call before its exec has ended.
            let asked = process.asked.take();
            unseen = asked.filter(|asked| match asked.end {
                End::Succeeded => true,
                End::Unknown => renamed && cut(&asked.path) == context.comm.bytes(),
            });
        }
        let is_hidden = renamed && losses > process.losses && process.comm_by == CommBy::Known;
        if is_main {
            process.losses = losses;
        }
        if renamed {
            process.comm = Comm::new(context.comm.bytes());
        }
        if is_main {
            process.comm_by = CommBy::Known;
        }
        if unseen.is_some() || is_hidden && !matches!(kind, Kind::SentryExecve(_)) {
            self.unseen_exec(acting, unseen);
        }
    }

    /// What the process runs now is what it asked for, if that is known: it may have deceived the sentry about the path, so
    /// the file is believed to be foreign, but not to be the image's.
    fn unseen_exec(&mut self, acting: &Acting<'_>, asked: Option<Box<AskedProgram>>) {
        self.sight.unseen_exec();
        let is_known = asked.is_some();
        let program = match asked.map(|asked| *asked) {
            Some(asked) => {
                let path = self.absolute(acting, &asked.path).unwrap_or_default();
                let seen = asked.provenance.or_else(|| {
                    self.find_file(acting, &path).and_then(|file| self.provenance_of(acting, file))
                });
                let executable =
                    seen.filter(|seen| is_foreign(seen.origin)).unwrap_or_else(Provenance::default);
                let name = cut(&asked.path).into();
                Program { path, name, argv: asked.argv, executable, script: None, time: acting.time }
            }
            None => Program { time: acting.time, ..Program::default() },
        };
        self.leaves_program(acting);
        self.becomes(acting, program);
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.exec_unseen = true;
            process.comm_by = CommBy::Known;
            process.comm = Comm::new(acting.context.comm.bytes());
        }
        if is_known {
            let Acting { time, container, process, .. } = *acting;
            let subject = Subject::Process;
            self.inferred =
                Some(Observation { time, container, process, fd: None, subject, arg_changed: false });
        }
    }

    /// The process gives its main thread another name by itself.
    pub(super) fn prctl(&mut self, acting: &Acting<'_>, raw: &Raw) {
        if raw.sysno() == Sysno::PRCTL && raw.arg(1) == PR_SET_NAME {
            self.renames_itself(acting);
        }
    }

    /// The next name of the main thread is one that was given to it, not that of a program.
    pub(super) fn renames_itself(&mut self, acting: &Acting<'_>) {
        if let Some(process) = self.processes.get_mut(acting.process) {
            process.comm_by = CommBy::Itself;
        }
    }
}
