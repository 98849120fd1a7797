//! What is to be known of a field beside its line in the table: since when, on which events, and from whom.

use crate::wire::schema::Release;

use super::{FieldId, Unavailable};

const OPENS: &[&str] = &["open", "openat", "openat2", "creat"];
const EXECS: &[&str] = &["execve", "container"];

/// The first release of gVisor that always says it. Earlier ones say it now and then or not at all, so that the denial
/// of a check on it means little there.
pub(crate) fn since(field: FieldId) -> Release {
    const LATE: &[FieldId] = &[
        FieldId::ProcTty,
        FieldId::ProcIsExeUpperLayer,
        FieldId::ProcIsExeLowerLayer,
        FieldId::ProcExeIno,
        FieldId::ProcExeInoCtime,
        FieldId::ProcExeInoCtimeProcStart,
        FieldId::ProcExeInoCtimePidnsStart,
        FieldId::ProcStdinType,
        FieldId::ProcStdoutType,
        FieldId::ProcStderrType,
        FieldId::ProcStdinName,
        FieldId::ProcStdoutName,
        FieldId::ProcStderrName,
    ];
    if LATE.contains(&field) { Release::R2026 } else { Release::R2022 }
}

/// The events that have the field, and why others have not; nothing if it depends on no kind of event.
pub(crate) fn events_of(field: FieldId) -> Option<(&'static [&'static str], Unavailable)> {
    const OF_EXECS: &[FieldId] = &[
        FieldId::ProcEnv,
        FieldId::ProcIsExeWritable,
        FieldId::ProcExeIno,
        FieldId::ProcExeInoCtime,
        FieldId::ProcExeInoCtimeProcStart,
        FieldId::ProcExeInoCtimePidnsStart,
    ];
    const OF_OPENS: &[FieldId] = &[FieldId::FsPathName, FieldId::FsPathNameraw];
    if OF_EXECS.contains(&field) {
        Some((EXECS, Unavailable::Forgotten))
    } else if OF_OPENS.contains(&field) {
        Some((OPENS, Unavailable::Pointer))
    } else {
        None
    }
}

/// Whether only whoever runs the container can say it ([`crate::state::Metadata`]).
pub(crate) fn is_from_outside(field: FieldId) -> bool {
    const OF_USERS: &[FieldId] =
        &[FieldId::UserName, FieldId::UserHomedir, FieldId::UserShell, FieldId::GroupName];
    const OWN: &[FieldId] = &[
        FieldId::ContainerId,
        FieldId::ContainerFullId,
        FieldId::ContainerStartTs,
        FieldId::ContainerDuration,
    ];
    let name = field.def().name;
    OF_USERS.contains(&field)
        || ((name.starts_with("container.") || name.starts_with("k8s.")) && !OWN.contains(&field))
}
