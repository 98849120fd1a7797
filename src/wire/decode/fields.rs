//! How one field is read, by the type that it has in `event`, and the macros that make a message out of fields.
//!
//! As in proto3: the last scalar wins, an embedded message that comes twice is merged, and integers are cut to the
//! width of their field. The type of the field in `event` decides about all that, so the tables of the families name
//! numbers and fields only.

use crate::event::{
    CloneFlags, Context, Credentials, Errno, Exit, Family, Fd, FdFlags, FdInfo, Gid, Ino, MapProt,
    ModeBits, OpenFlags, Pid, Rlimit, SockAddr, SocketInfo, SocketIp, Sysno, Text, Texts, Tgid, Tid, Time,
    TimerSpec, Timespec, Uid,
};
use crate::wire::error::Fault;
use crate::wire::protobuf::{Input, Key, LEN, VARINT};
use crate::wire::sockaddr;

/// A type that one field can be read into.
pub(super) trait Field<'a> {
    /// Reads the field that `key` announced.
    fn read(&mut self, key: Key, input: &mut Input<'a>) -> Result<(), Fault>;
}

/// A message inside another.
pub(super) trait Part<'a>: Default {
    /// Reads all of `input` into what is there already; returns how many fields were unknown.
    fn merge(&mut self, input: Input<'a>) -> Result<u32, Fault>;
}

/// The message of a packet, but for its context, which every one of them has.
pub(super) trait Body<'a>: Default {
    /// Reads all of `input`; returns how many fields were unknown.
    fn merge(&mut self, context: &mut Option<Context<'a>>, input: Input<'a>) -> Result<u32, Fault>;
}

impl<'a, P: Part<'a>> Field<'a> for Option<P> {
    #[inline(always)]
    fn read(&mut self, key: Key, input: &mut Input<'a>) -> Result<(), Fault> {
        input.expect(key, LEN)?;
        let inner = input.embedded()?;
        let unknown = self.get_or_insert_default().merge(inner)?;
        input.unknown = input.unknown.saturating_add(unknown);
        Ok(())
    }
}

/// Types that are one integer on the wire.
macro_rules! integers {
    ($($type:ty => |$wire:ident| $value:expr;)*) => {$(
        impl<'a> Field<'a> for $type {
            #[inline(always)]
            fn read(&mut self, key: Key, input: &mut Input<'a>) -> Result<(), Fault> {
                input.expect(key, VARINT)?;
                let $wire = input.varint()?;
                *self = $value;
                Ok(())
            }
        }
    )*};
}

integers! {
    bool => |wire| wire != 0;
    u64 => |wire| wire;
    i64 => |wire| wire.cast_signed();
    u32 => |wire| low(wire);
    i32 => |wire| low(wire).cast_signed();
    Time => |wire| Time(wire.cast_signed());
    Tid => |wire| Tid(low(wire).cast_signed());
    Tgid => |wire| Tgid(low(wire).cast_signed());
    Pid => |wire| Pid(low(wire).cast_signed());
    Uid => |wire| Uid(low(wire));
    Gid => |wire| Gid(low(wire));
    Ino => |wire| Ino(wire);
    // 32 or 64 bits wide by message; the kernel looks at the low 32.
    Fd => |wire| Fd(low(wire).cast_signed());
    // A number beyond 32 bits must not pass for the call that its low half names.
    Sysno => |wire| Sysno(u32::try_from(wire).unwrap_or(u32::MAX));
    Errno => |wire| Errno(wire.cast_signed());
    Family => |wire| Family(low(wire));
    OpenFlags => |wire| OpenFlags::from_bits_retain(low(wire));
    FdFlags => |wire| FdFlags::from_bits_retain(low(wire));
    MapProt => |wire| MapProt::from_bits_retain(low(wire));
    ModeBits => |wire| ModeBits::from_bits_retain(low(wire));
    CloneFlags => |wire| CloneFlags::from_bits_retain(wire);
}

/// An integer cut to 32 bits, as proto3 prescribes for a field that is narrower than what was sent.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the cut is what the format prescribes")]
fn low(wire: u64) -> u32 {
    wire as u32
}

/// Types that are bytes on the wire.
macro_rules! chunks {
    ($($type:ty => |$wire:ident| $value:expr;)*) => {$(
        impl<'a> Field<'a> for $type {
            #[inline(always)]
            fn read(&mut self, key: Key, input: &mut Input<'a>) -> Result<(), Fault> {
                input.expect(key, LEN)?;
                let $wire = input.chunk()?;
                *self = $value;
                Ok(())
            }
        }
    )*};
}

chunks! {
    Text<'a> => |wire| Text(wire);
    &'a [u8] => |wire| wire;
    SockAddr<'a> => |wire| sockaddr::parse(wire);
}

/// Where the texts of a list lie in the packet: from the first of them to the end of the last.
#[derive(Default)]
pub(super) struct List<'a> {
    begin: Option<usize>,
    span: &'a [u8],
}

impl<'a> List<'a> {
    /// The texts as a list that is read out of the packet. INVARIANT: the span holds whole fields that were checked,
    /// so that reading them again cannot fail half-way; the oracle compares list by list.
    pub(super) fn texts<const NUMBER: u32>(&self) -> Texts<'a> {
        Texts::in_message(self.span, next_text::<NUMBER>)
    }
}

impl<'a> Field<'a> for List<'a> {
    #[inline(always)]
    fn read(&mut self, key: Key, input: &mut Input<'a>) -> Result<(), Fault> {
        input.expect(key, LEN)?;
        input.chunk()?;
        let begin = *self.begin.get_or_insert(key.at);
        self.span = input.since(begin);
        Ok(())
    }
}

/// The next text of the list with that field number, past whatever lies between.
fn next_text<const NUMBER: u32>(bytes: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let mut input = Input::new(bytes, 0);
    loop {
        let key = input.key().ok()??;
        if key.number == NUMBER {
            let text = input.chunk().ok()?;
            return Some((Text(text), input.rest()));
        }
        input.skip(key).ok()?;
    }
}

/// Reads fields by number until the message ends.
macro_rules! read_fields {
    ($input:ident, $($number:literal => $slot:expr,)*) => {
        while let Some(key) = $input.key()? {
            match key.number {
                $($number => $crate::wire::decode::fields::Field::read(&mut $slot, key, &mut $input)?,)*
                _ => $input = $input.unknown(key)?,
            }
        }
    };
}

/// Messages inside others: `Type { number => field, … }`.
macro_rules! parts {
    ($($type:ty { $($number:literal => $field:ident,)* })*) => {$(
        impl<'a> $crate::wire::decode::fields::Part<'a> for $type {
            fn merge(&mut self, mut input: Input<'a>) -> Result<u32, Fault> {
                read_fields!(input, $($number => self.$field,)*);
                Ok(input.unknown)
            }
        }
    )*};
}
pub(super) use parts;
pub(super) use read_fields;

/// Messages of the sentry's own points: `Type { number => field, …; number => list of texts, … }`.
macro_rules! points {
    ($($type:ty { $($number:literal => $field:ident,)* $(; $($list_number:literal => $list:ident,)*)? })*) => {$(
        impl<'a> $crate::wire::decode::fields::Body<'a> for $type {
            fn merge(&mut self, context: &mut Option<Context<'a>>, mut input: Input<'a>) -> Result<u32, Fault> {
                $($(let mut $list = $crate::wire::decode::fields::List::default();)*)?
                read_fields!(input,
                    1 => *context,
                    $($number => self.$field,)*
                    $($($list_number => $list,)*)?
                );
                $($(self.$list = $list.texts::<$list_number>();)*)?
                Ok(input.unknown)
            }
        }
    )*};
}
pub(super) use points;

/// Messages of system calls, which all have the call's end in 2 and its number in 3.
macro_rules! calls {
    ($($type:ty { $($number:literal => $field:ident,)* $(; $($list_number:literal => $list:ident,)*)? })*) => {$(
        impl<'a> $crate::wire::decode::fields::Body<'a> for $type {
            fn merge(&mut self, context: &mut Option<Context<'a>>, mut input: Input<'a>) -> Result<u32, Fault> {
                $($(let mut $list = $crate::wire::decode::fields::List::default();)*)?
                read_fields!(input,
                    1 => *context,
                    2 => self.call.exit,
                    3 => self.call.sysno,
                    $($number => self.$field,)*
                    $($($list_number => $list,)*)?
                );
                $($(self.$list = $list.texts::<$list_number>();)*)?
                Ok(input.unknown)
            }
        }
    )*};
}
pub(super) use calls;

parts! {
    Context<'a> {
        1 => time, 2 => tid, 3 => thread_start, 4 => tgid, 5 => start, 6 => container, 7 => credentials,
        8 => cwd, 9 => comm, 10 => parent, 11 => exec_session,
    }
    Credentials {
        1 => real_uid, 2 => effective_uid, 3 => saved_uid, 4 => real_gid, 5 => effective_gid, 6 => saved_gid,
    }
    Timespec { 1 => sec, 2 => nsec, }
    Exit { 1 => result, 2 => errno, }
    Rlimit { 1 => cur, 2 => max, }
    TimerSpec { 1 => interval, 2 => value, }
    SocketIp<'a> { 1 => family, 2 => ip, 3 => port, }
    SocketInfo<'a> { 1 => family, 2 => local, 3 => remote, }
    FdInfo<'a> { 1 => mode, 2 => ino, 3 => path, 4 => socket, }
}

