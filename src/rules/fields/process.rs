//! The process's family, session, environment and standard descriptors.

use std::borrow::Cow;
use std::net::SocketAddr;

use smallvec::SmallVec;

use crate::event::{Fd, Kind, SentryExecve, Text, Texts, Tgid, Time, Timespec};
use crate::state::{Object, Process, Program, Socket};

use super::{Scene, Value};

/// The shells that a login may begin with.
const SHELLS: &[&[u8]] = &[b"ash", b"bash", b"csh", b"dash", b"fish", b"ksh", b"sh", b"tcsh", b"zsh"];

impl<'a> Scene<'a> {
    /// Something of the nth ancestor, or of all of them; 0 is the process itself.
    pub(super) fn of_ancestors(
        &self,
        index: Option<u8>,
        of: impl Fn(&'a Program) -> Option<Cow<'a, [u8]>>,
    ) -> Option<Value<'a>> {
        match index {
            Some(0) => of(self.program()?).map(Value::Text),
            Some(nth) => of(self.ancestor(nth)?).map(Value::Text),
            None => {
                let all = self.process()?.ancestors.iter().filter_map(|ancestor| of(&ancestor.actor.program));
                Some(Value::Texts(all.collect()))
            }
        }
    }

    /// An ancestor's process id, or those of all of them.
    pub(super) fn ancestor_ids(&self, index: Option<u8>) -> Option<Value<'a>> {
        let process = self.process()?;
        let id = |tgid: Tgid| i64::from(tgid.0);
        match index {
            Some(0) => Some(Value::Int(id(process.key.tgid))),
            Some(nth) => {
                let ancestor = process.ancestors.get(usize::from(nth).checked_sub(1)?)?;
                Some(Value::Int(id(ancestor.actor.tgid)))
            }
            None => {
                Some(Value::Ints(process.ancestors.iter().map(|ancestor| id(ancestor.actor.tgid)).collect()))
            }
        }
    }

    /// The oldest shell among the ancestors and the process itself.
    pub(super) fn login_shell(&self) -> Option<Value<'a>> {
        let process = self.process()?;
        let is_shell = |program: &Program| SHELLS.contains(&&*program.name);
        let of_ancestors = process.ancestors.iter().rev().find(|ancestor| is_shell(&ancestor.actor.program));
        let tgid = match of_ancestors {
            Some(ancestor) => ancestor.actor.tgid,
            None if is_shell(&process.program) => process.key.tgid,
            None => return None,
        };
        Some(Value::Int(i64::from(tgid.0)))
    }

    /// The parent, while it is remembered.
    pub(super) fn parent(&self) -> Option<&'a Process> {
        self.state.process_by_serial(self.process()?.ancestors.first()?.serial)
    }

    /// The session of the process that acts.
    pub(super) fn session(&self) -> Option<Tgid> {
        self.process()?.session.map(|leader| leader.tgid)
    }

    /// What the bearer of an id in this container runs: the leader of a session or group, while it is remembered.
    pub(super) fn leader(&self, tgid: Option<Tgid>) -> Option<&'a Program> {
        let process = self.process()?;
        let tgid = tgid?;
        if process.key.tgid == tgid {
            return self.program();
        }
        if let Some(ancestor) = process.ancestors.iter().find(|ancestor| ancestor.actor.tgid == tgid) {
            return Some(&*ancestor.actor.program);
        }
        let leader = self.state.process_of(process.key.container, tgid)?;
        Some(&*leader.program)
    }

    /// How many arguments there are behind the first, and their bytes.
    pub(super) fn sizes_of_args(&self) -> Option<(u64, u64)> {
        let size = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (mut count, mut bytes) = (0_u64, 0_u64);
        for arg in self.program()?.argv.iter().skip(1) {
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(size(arg.len()));
        }
        Some((count, bytes))
    }

    /// The argument of that place, counted from 0 behind the program's own name.
    pub(super) fn arg(&self, at: u8) -> Option<Value<'a>> {
        self.program()?.argv.iter().nth(usize::from(at).saturating_add(1)).map(Value::text)
    }

    /// All arguments, the first included.
    pub(super) fn exeline(&self) -> Option<Value<'a>> {
        let args: Vec<&[u8]> = self.program()?.argv.iter().collect();
        Some(Value::Text(Cow::Owned(args.join(&b' '))))
    }

    fn env(&self) -> Option<Texts<'a>> {
        if let Kind::ContainerStart(start) = &self.event.kind {
            return Some(start.env);
        }
        self.exec().map(|exec| exec.env)
    }

    /// The environment, where the event tells it.
    pub(super) fn environment(&self) -> Option<Value<'a>> {
        let env: Vec<&[u8]> = self.env()?.iter().map(Text::bytes).collect();
        (!env.is_empty()).then(|| Value::Text(Cow::Owned(env.join(&b' '))))
    }

    /// A variable of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<Value<'a>> {
        let value = |line: &'a [u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
        self.env()?.iter().find_map(|line| value(line.bytes())).map(Value::text)
    }

    pub(super) fn cwd(&self) -> Option<Value<'a>> {
        let said = self.event.context.as_ref().and_then(|context| context.cwd.present());
        said.or_else(|| self.process()?.cwd.as_deref()).map(Value::text)
    }

    fn exec(&self) -> Option<&'a SentryExecve<'a>> {
        let Kind::SentryExecve(exec) = &self.event.kind else { return None };
        Some(exec)
    }

    pub(super) fn executable_inode(&self) -> Option<Value<'a>> {
        let ino = self.exec()?.ino.0;
        (ino != 0).then(|| Value::count(ino))
    }

    /// When the executable's inode last changed.
    pub(super) fn executable_changed(&self) -> Option<Time> {
        let Timespec { sec, nsec } = self.exec()?.ctime?;
        Some(Time(sec.saturating_mul(1_000_000_000).saturating_add(nsec)))
    }

    /// Whether whoever runs it can write the executable. Root can, whatever the mode says.
    pub(super) fn is_executable_writable(&self) -> Option<bool> {
        let exec = self.exec().filter(|exec| exec.mode != 0)?;
        let process = self.process()?;
        let (uid, gid) = (process.uid?, process.job.gid?);
        let bit = if exec.uid == uid {
            0o200
        } else if exec.gid == gid {
            0o020
        } else {
            0o002
        };
        Some(uid.0 == 0 || exec.mode & bit != 0)
    }

    /// When the container's first process started.
    pub(super) fn first_start(&self) -> Option<Time> {
        let first = self.state.container_at(self.observation.container)?.first?;
        Some(self.state.process_by_serial(first)?.key.start).filter(|start| start.is_known())
    }

    /// What a descriptor of the process is.
    fn object(&self, fd: Fd) -> Option<Object> {
        self.state.descriptor(self.observation.process, fd).map(|descriptor| descriptor.object)
    }

    pub(super) fn socket_of(&self, object: Object) -> Option<&'a Socket> {
        match object {
            Object::Socket(socket) => self.state.socket_at(socket),
            Object::Unknown | Object::File(_) | Object::Pipe(..) | Object::Nvidia(_) | Object::Anon => None,
        }
    }

    /// The type of what a standard descriptor is.
    pub(super) fn standard_type(&self, fd: Fd) -> Option<Value<'a>> {
        self.type_of(self.object(fd)?).map(|(_, name)| Value::Word(name))
    }

    /// Where a standard descriptor leads.
    pub(super) fn standard_name(&self, fd: Fd) -> Option<Value<'a>> {
        match self.object(fd)? {
            Object::File(file) => {
                self.state.file_in(self.observation.container, file).map(|file| Value::text(&file.path))
            }
            object @ (Object::Socket(_)
            | Object::Unknown
            | Object::Pipe(..)
            | Object::Nvidia(_)
            | Object::Anon) => self.socket_of(object).and_then(super::descriptor::name_of),
        }
    }

    /// The types of the process's descriptors, or of one.
    pub(super) fn types(&self, index: Option<u8>) -> Option<Value<'a>> {
        if let Some(fd) = index {
            return self.standard_type(Fd(i32::from(fd)));
        }
        let mut names: SmallVec<[&'static str; 8]> = SmallVec::new();
        for (_, descriptor) in self.state.fds(self.observation.process)?.iter() {
            if let Some((_, name)) = self.type_of(descriptor.object)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        Some(Value::Texts(names.into_iter().map(|name| Cow::Borrowed(name.as_bytes())).collect()))
    }

    /// This end of the socket that the event is about.
    pub(super) fn local(&self) -> Option<SocketAddr> {
        self.socket()?.local.as_deref().copied()
    }
}
