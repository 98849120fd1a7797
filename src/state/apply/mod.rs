//! What each kind of event changes, a file a family. Each handler says what the event was about.
//!
//! The beginning of a call changes next to nothing: what counts is how it ended. Of a call that failed only the
//! failure is known.

mod arrival;
mod births;
mod code;
mod descriptors;
mod heal;
mod names;
mod network;
mod processes;
mod procfs;
mod raw;
mod taint;
mod transfer;
mod unseen;
mod work;

use crate::event::{Context, Fd, Kind, Sysno, Tgid, Time};

use super::{ContainerIx, News, Object, Observation, ProcessId, State, Subject};

/// The acting process of the event that is being applied.
#[derive(Clone, Copy, Debug)]
struct Acting<'a> {
    context: &'a Context<'a>,
    time: Time,
    container: ContainerIx,
    process: ProcessId,
    /// The call's argument was another one when it began.
    arg_changed: bool,
}

/// What an event was about: the descriptor, and what that leads to.
type About = (Option<Fd>, Subject);

/// About the process alone.
const PROCESS: About = (None, Subject::Process);

pub(super) fn apply(state: &mut State, context: &Context<'_>, kind: &Kind<'_>) -> Option<Observation> {
    let time = state.time_of(context.time);
    if context.tgid == Tgid(0) {
        state.sight.unattributed();
        return None;
    }
    let container = state.container(context.container.bytes(), time)?;
    let process = state.process(container, context, time);
    let arg_changed = state.enters.changed(context.tid, kind);
    if arg_changed {
        state.sight.arg_changed();
    }
    let acting = Acting { context, time, container, process, arg_changed };
    if let Some(opening) = state.enters.unfinished(context.tid, kind) {
        state.unseen_open(&acting, &opening);
    }
    state.watch(&acting, kind);
    state.heal(&acting, kind);
    // What was loaded is told by another event than the call that was deceived.
    let deceived = matches!(kind, Kind::SentryExecve(_))
        && state
            .processes
            .get(process)
            .is_some_and(|it| it.asked.as_ref().is_some_and(|asked| asked.changed));
    let (fd, subject) = state.dispatch(&acting, kind)?;
    Some(Observation { time, container, process, fd, subject, arg_changed: arg_changed || deceived })
}

impl State {
    /// Hands the event to its handler. Nothing for what is no news to rules: beginnings of calls, and what the
    /// sentry's own points tell better.
    fn dispatch(&mut self, acting: &Acting<'_>, kind: &Kind<'_>) -> Option<About> {
        match kind {
            Kind::ContainerStart(start) => Some(self.container_start(acting, start)),
            Kind::SentryClone(clone) => Some(self.sentry_clone(acting, clone)),
            Kind::SentryExecve(exec) => Some(self.sentry_execve(acting, exec)),
            Kind::ExitNotifyParent(_) => Some(self.process_exit(acting)),
            Kind::TaskExit(_) => Some(PROCESS),
            Kind::SentryMmap(map) => Some(self.sentry_mmap(acting, map)),
            Kind::Raw(raw) => self.raw(acting, raw),
            Kind::Open(open) => self.open(acting, open),
            Kind::Close(close) => self.close(acting, close),
            Kind::Read(read) => {
                let moved = read.call.exit?;
                self.moved_in(acting, read.fd, &read.fd_path, moved);
                Some(self.about(acting, read.fd))
            }
            Kind::Write(write) => {
                let moved = write.call.exit?;
                self.moved_out(acting, write.fd, &write.fd_path, moved);
                Some(self.about(acting, write.fd))
            }
            Kind::Connect(connect) => self.connect(acting, connect),
            Kind::Execve(exec) => self.execve(acting, exec),
            Kind::Socket(socket) => self.socket(acting, socket),
            Kind::Chdir(chdir) => self.chdir(acting, chdir),
            Kind::Pipe(pipe) => self.pipe(acting, pipe),
            Kind::Fcntl(fcntl) => self.fcntl(acting, fcntl),
            Kind::Dup(dup) => self.dup(acting, dup),
            // With a descriptor it changes that one's signals, and nothing else.
            Kind::Signalfd(event) if event.fd.is_open() => {
                event.call.exit.map(|_| self.about(acting, event.fd))
            }
            Kind::Signalfd(event) => self.anon(acting, &event.call, event.flags),
            Kind::Eventfd(event) => self.anon(acting, &event.call, event.flags),
            Kind::TimerfdCreate(event) => self.anon(acting, &event.call, event.flags),
            Kind::InotifyInit(event) => {
                let flags = crate::event::FdFlags::from_bits_retain(event.flags.cast_unsigned());
                self.anon(acting, &event.call, flags)
            }
            Kind::Accept(accept) => self.accept(acting, accept),
            Kind::SocketPair(pair) => self.socketpair(acting, pair),
            Kind::Bind(bind) => self.bind(acting, bind),
            Kind::Listen(listen) => {
                listen.call.exit.map(|exit| self.bound(acting, listen.fd, listen.address, exit))
            }
            Kind::Mmap(mmap) => {
                mmap.call.exit.map(|exit| self.mmap(acting, mmap.fd, mmap.length, mmap.prot, exit))
            }
            Kind::InotifyAddWatch(event) => event.call.exit.map(|_| self.about(acting, event.fd)),
            Kind::InotifyRmWatch(event) => event.call.exit.map(|_| self.about(acting, event.fd)),
            Kind::TimerfdSettime(event) => event.call.exit.map(|_| self.about(acting, event.fd)),
            Kind::TimerfdGettime(event) => event.call.exit.map(|_| self.about(acting, event.fd)),
            // sentry/clone is the proof of a clone, with the child's true id.
            Kind::Clone(_) | Kind::Fork(_) => None,
            Kind::Setid(event) => event.call.exit.map(|exit| {
                if event.call.sysno == Sysno::SETSID { self.setsid(acting, exit) } else { PROCESS }
            }),
            Kind::Setresid(event) => event.call.exit.map(|_| PROCESS),
            Kind::Prlimit(event) => event.call.exit.map(|_| PROCESS),
            Kind::Chroot(event) => event.call.exit.map(|_| PROCESS),
            Kind::Ptrace(event) => event.call.exit.map(|_| PROCESS),
        }
    }

    /// What a descriptor of the acting process leads to.
    fn about(&self, acting: &Acting<'_>, fd: Fd) -> About {
        let object = self
            .processes
            .fds(acting.process)
            .and_then(|fds| fds.get(fd))
            .map(|descriptor| descriptor.object);
        let subject = match object {
            Some(Object::File(file)) => Subject::File(file),
            Some(Object::Socket(socket)) => Subject::Socket {
                socket,
                endpoint: self.endpoint_of(acting.container, socket),
                news: News::No,
            },
            Some(Object::Nvidia(_)) => Subject::Gpu(None),
            Some(Object::Pipe(..) | Object::Anon | Object::Unknown) | None => Subject::Other,
        };
        (fd.is_open().then_some(fd), subject)
    }
}
