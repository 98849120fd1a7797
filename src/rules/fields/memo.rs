//! Values that are made and not just looked at, such as a joined command line: made at most once an event, whoever asks.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

use super::{FieldId, FieldRef, OwnedValue, Scene, Value};

/// What was made for one event.
#[derive(Debug, Default)]
pub struct Memo(RefCell<Vec<(FieldRef, Option<Rc<OwnedValue>>)>>);

impl Memo {
    fn get(&self, field: FieldRef) -> Option<Option<Rc<OwnedValue>>> {
        self.0.borrow().iter().find(|(known, _)| *known == field).map(|(_, made)| made.clone())
    }

    fn put(&self, field: FieldRef, made: Option<Rc<OwnedValue>>) {
        self.0.borrow_mut().push((field, made));
    }
}

/// A value as a condition sees it.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    /// Looked up for this question.
    Own(Value<'a>),
    /// Made once for all that ask.
    Shared(Rc<OwnedValue>),
}

impl<'a> Deref for Seen<'a> {
    type Target = Value<'a>;

    fn deref(&self) -> &Value<'a> {
        match self {
            Seen::Own(value) => value,
            Seen::Shared(value) => value,
        }
    }
}

impl Seen<'_> {
    /// The value on its own.
    pub(crate) fn into_owned(self) -> OwnedValue {
        match self {
            Seen::Own(value) => value.into_owned(),
            Seen::Shared(value) => Rc::unwrap_or_clone(value),
        }
    }
}

impl<'a> Scene<'a> {
    /// The value of a field. One that had to be made is remembered for the rest of the event.
    pub(crate) fn seen(&self, field: FieldRef) -> Option<Seen<'a>> {
        if let Some(made) = self.memo.get(field) {
            return made.map(Seen::Shared);
        }
        let value = self.get(field);
        match value {
            Some(value) if is_made(&value) => {
                let made = Rc::new(value.into_owned());
                self.memo.put(field, Some(Rc::clone(&made)));
                Some(Seen::Shared(made))
            }
            Some(value) => Some(Seen::Own(value)),
            None => {
                if is_searched(field.id) {
                    self.memo.put(field, None);
                }
                None
            }
        }
    }
}

/// Whether a value was made for the one who asked; the others are a look at what is there.
fn is_made(value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => matches!(text, Cow::Owned(_)),
        Value::Texts(_) => true,
        Value::Bool(_)
        | Value::Int(_)
        | Value::Word(_)
        | Value::Words(_)
        | Value::Ip(_)
        | Value::Ips(_)
        | Value::Endpoint(_)
        | Value::Ints(_) => false,
    }
}

/// Whether it takes a search to find that a field has no value.
fn is_searched(field: FieldId) -> bool {
    matches!(
        field,
        FieldId::IntelBinTags
            | FieldId::IntelBinSource
            | FieldId::IntelBinConfidence
            | FieldId::IntelBinSince
            | FieldId::IntelTextMatch
            | FieldId::IntelTextSource
            | FieldId::IntelTextTags
            | FieldId::IntelTextConfidence
            | FieldId::IntelTextSince
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Script, intel};
    use crate::state::State;

    /// Looks at the last event of a script.
    fn at_the_end(script: &str, look: impl Fn(&Scene<'_>)) {
        let script = Script::parse(script).unwrap();
        let (mut state, intel) = (State::default(), intel());
        let mut events = script.events().peekable();
        while let Some(event) = events.next() {
            let observation = state.apply(&event);
            if events.peek().is_none() {
                let memo = Memo::default();
                let observation = &observation.unwrap();
                look(&Scene { event: &event, observation, state: &state, intel: &intel, memo: &memo });
                return;
            }
        }
        panic!("a script without events");
    }

    fn field(id: FieldId) -> FieldRef {
        FieldRef { id, index: None }
    }

    #[test]
    fn a_field_is_made_at_most_once_an_event_and_only_if_asked() {
        at_the_end("0s pid=10 execve path=/bin/x argv=\"x a b\"\n1s pid=10 getuid", |scene| {
            assert!(scene.memo.0.borrow().is_empty());
            let line = |scene: &Scene<'_>| match scene.seen(field(FieldId::ProcCmdline)) {
                Some(Seen::Shared(line)) => line,
                other => panic!("{other:?}"),
            };
            assert_eq!(line(scene).as_bytes(), Some(&b"x a b"[..]));
            assert!(Rc::ptr_eq(&line(scene), &line(scene)));
            assert_eq!(scene.memo.0.borrow().len(), 1);
            // What is only looked at is not kept.
            assert!(matches!(scene.seen(field(FieldId::ProcName)), Some(Seen::Own(_))));
            assert_eq!(scene.memo.0.borrow().len(), 1);
        });
    }

    #[test]
    fn that_a_search_found_nothing_is_remembered_too() {
        at_the_end("0s pid=10 execve path=/bin/x argv=\"x a b\"\n1s pid=10 getuid", |scene| {
            assert!(scene.seen(field(FieldId::IntelTextTags)).is_none());
            assert!(scene.seen(field(FieldId::IntelTextTags)).is_none());
            assert_eq!(scene.memo.0.borrow().len(), 1);
        });
    }
}
