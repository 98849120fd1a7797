//! What the state makes of events, told in the language of the rules' tests ([`crate::rules::testing`]).
//!
//! Where a story needs what the language does not say (flags of a clone, an order in which threads reported, a session
//! that leaves things out), the events of the script are changed before they are applied.

mod births;
mod descriptors;
mod heal;
mod programs;

use super::*;
use crate::event::{CloneFlags, Kind, Tgid};
use crate::rules::testing::Script;

/// The events of a script.
fn events(script: &Script) -> Vec<Event<'_>> {
    script.events().collect()
}

fn parsed(text: &str) -> Script {
    Script::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The state after these events.
fn after(events: &[Event<'_>]) -> State {
    let mut state = State::default();
    for event in events {
        state.apply(event);
    }
    state
}

/// The state after a story.
fn told(text: &str) -> State {
    after(&events(&parsed(text)))
}

fn is_clone_of(event: &Event<'_>, child: i32) -> bool {
    matches!(&event.kind, Kind::SentryClone(clone) if clone.created_tgid == Tgid(child))
}

/// The child was made with these flags.
fn with_flags(events: &mut [Event<'_>], child: i32, flags: CloneFlags) {
    for event in events.iter_mut().filter(|event| is_clone_of(event, child)) {
        if let Kind::SentryClone(clone) = &mut event.kind {
            clone.flags = flags;
        }
    }
}

/// The clone of that child is reported after everything else.
fn clone_comes_last(events: &mut Vec<Event<'_>>, child: i32) {
    let at = events.iter().position(|event| is_clone_of(event, child)).expect("a clone");
    let clone = events.remove(at);
    events.push(clone);
}

/// The process's present parent, as the sentry says with each event.
fn parent_is(events: &mut [Event<'_>], tgid: i32, parent: i32) {
    for context in events.iter_mut().filter_map(|event| event.context.as_mut()) {
        if context.tgid == Tgid(tgid) {
            context.parent = Tgid(parent);
        }
    }
}

/// The session leaves out when processes start.
fn starts_are_not_said(events: &mut [Event<'_>]) {
    for event in events {
        if let Some(context) = &mut event.context {
            context.start = Time(0);
        }
        if let Kind::SentryClone(clone) = &mut event.kind {
            clone.created_start = Time(0);
        }
    }
}

/// The newest process of that id.
#[track_caller]
fn process(state: &State, tgid: i32) -> &Process {
    state.processes.get(id(state, tgid)).expect("a process")
}

#[track_caller]
fn id(state: &State, tgid: i32) -> ProcessId {
    state.processes.newest(ContainerIx(0), Tgid(tgid)).expect("a process of that id")
}

/// The ids of a process's ancestors, nearest first.
fn ancestors(state: &State, tgid: i32) -> Vec<i32> {
    process(state, tgid).ancestors.iter().map(|ancestor| ancestor.actor.tgid.0).collect()
}

fn object(state: &State, tgid: i32, fd: i32) -> Option<Object> {
    state.descriptor(id(state, tgid), Fd(fd)).map(|descriptor| descriptor.object)
}

/// The path of the file that a descriptor leads to.
fn path(state: &State, tgid: i32, fd: i32) -> Option<String> {
    let Some(Object::File(file)) = object(state, tgid, fd) else { return None };
    let file = state.file_in(ContainerIx(0), file)?;
    Some(String::from_utf8_lossy(&file.path).into_owned())
}

/// Where the bytes of a file came from.
fn origin(state: &State, path: &str) -> Origin {
    let file = state.files(ContainerIx(0)).find(|file| *file.path == *path.as_bytes());
    file.map(|file| file.provenance.origin).unwrap_or_default()
}
