//! Calls that gVisor has no message of their own for: number and registers.

use crate::event::Sysno;

use super::line::Call;
use super::names;
use super::value::Value;

/// A register that holds a pointer: what it points to the log shows, where it points it does not. Not null.
const POINTER: u64 = 0x1000;

/// The call's number on amd64; `send` and `recv` are what some libraries call the two below.
pub(super) fn sysno(name: &[u8]) -> Option<Sysno> {
    match name {
        b"send" => Some(Sysno::SENDTO),
        b"recv" => Some(Sysno::RECVFROM),
        name => std::str::from_utf8(name).ok().and_then(Sysno::by_name),
    }
}

/// The six registers; those that the log does not show are zero.
pub(super) fn registers(call: &Call<'_>) -> [u64; 6] {
    let mut registers = [0; 6];
    for (register, arg) in registers.iter_mut().zip(&call.args) {
        *register = match &arg.value {
            Value::Text { .. } | Value::Array(_) | Value::Struct(_) => POINTER,
            Value::Word { text, .. } if call.name == b"ioctl" => names::request(text).unwrap_or(0),
            Value::Word { text, .. } => names::value(text).unwrap_or(0),
        };
    }
    registers
}
