//! The table agrees with the schema file, with the decoder, and with what gVisor says of itself.

use super::*;
use crate::event::{EventType, Kind};
use crate::wire::{Header, decode};

/// The messages of `proto/seccheck.proto` that have a type: number, whether it came in 2026, its text.
fn declared() -> Vec<(u16, bool, String)> {
    let schema = include_str!("../../../proto/seccheck.proto");
    let mut declared = Vec::new();
    let mut comment = "";
    let mut lines = schema.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("//") {
            comment = line;
        } else if line.starts_with("message ") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
            if let Some((_, number)) = comment.split_once("Type ") {
                let number = number.split('.').next().unwrap().parse().unwrap();
                declared.push((number, comment.contains("Since 2026"), body.join("\n")));
            }
        }
    }
    declared.sort();
    declared
}

fn encode(message: MessageType, sysno_field: u8, sysno: Sysno) -> Vec<u8> {
    let mut packet = Header::encode(message, 0).to_vec();
    packet.push(sysno_field << 3);
    prost::encoding::encode_varint(u64::from(sysno.0), &mut packet);
    packet
}

#[test]
fn there_are_38_types_and_each_stands_where_its_number_says() {
    let numbers: Vec<u16> = messages().iter().map(|message| message.number.0).collect();
    assert_eq!(numbers, (1..=38).collect::<Vec<_>>());
    for spec in messages() {
        assert_eq!(message(spec.number).unwrap().name, spec.name);
    }
    assert!(message(MessageType(0)).is_none());
    assert!(message(MessageType(39)).is_none());
}

#[test]
fn the_table_is_the_schema_file_s() {
    let declared = declared();
    assert_eq!(declared.len(), messages().len());
    for (spec, (number, since_2026, body)) in messages().iter().zip(declared) {
        assert_eq!(spec.number.0, number);
        assert_eq!(spec.since == Release::R2026, since_2026, "{}", spec.name);
        let of_point = |field| {
            points(Release::R2026)
                .filter(|point| point.message == spec.number)
                .any(|point| point.optional_fields(Release::R2026).any(|name| name == field))
        };
        assert_eq!(of_point("fd_path"), body.contains(" fd_path = "), "{}", spec.name);
        assert_eq!(of_point("envv"), body.contains(" envv = "), "{}", spec.name);
    }
}

#[test]
fn each_number_is_decoded_to_the_kind_that_the_table_says() {
    for spec in messages() {
        let kind_of = |packet: &[u8]| decode(packet).unwrap().event.unwrap().kind.name();
        match spec.source {
            Source::Own(own) => assert_eq!(kind_of(&Header::encode(spec.number, 0)), own.name),
            Source::Raw => {
                let packet = encode(spec.number, 4, Sysno::IOCTL);
                let event = decode(&packet).unwrap().event.unwrap();
                assert!(matches!(&event.kind, Kind::Raw(raw) if raw.sysno() == Sysno::IOCTL));
            }
            Source::Calls(calls) => {
                for call in calls {
                    let packet = encode(spec.number, 3, call.sysno);
                    assert_eq!(kind_of(&packet), call.name);
                    let event = decode(&packet).unwrap().event.unwrap();
                    assert_eq!(event.kind.event_type(), EventType::Syscall(call.sysno));
                }
            }
        }
    }
}

/// `runsc trace metadata` counts 991 points in December 2022 and 998 in September 2026, 884 of them raw.
#[test]
fn there_are_as_many_points_as_gvisor_counts() {
    let raw = (0..1000)
        .flat_map(|number| Stage::ALL.map(|stage| raw_point(Sysno(number), stage)))
        .flatten()
        .count();
    assert_eq!(raw, 884);
    for (release, count) in [(Release::R2022, 991), (Release::R2024, 991), (Release::R2026, 998)] {
        assert_eq!(points(release).count() + raw, count);
    }
}

#[test]
fn points_are_shown_as_a_session_names_them() {
    let shown =
        |number, release| call_point(Sysno(number), Stage::Exit, release).map(|point| point.to_string());
    assert_eq!(shown(257, Release::R2022).unwrap(), "syscall/openat/exit");
    assert_eq!(shown(16, Release::R2026).unwrap(), "syscall/sysno/16/exit");
    assert_eq!(shown(50, Release::R2024).unwrap(), "syscall/sysno/50/exit", "listen was raw then");
    assert_eq!(shown(50, Release::R2026).unwrap(), "syscall/listen/exit");
    assert_eq!(shown(452, Release::R2026), None, "fchmodat2 has no point at all");
    assert_eq!(own_point("sentry/execve", Release::R2022).unwrap().to_string(), "sentry/execve");
    assert_eq!(own_point("sentry/mmap", Release::R2024), None);
}

#[test]
fn fields_are_offered_by_release_and_point() {
    let names = |point: Point, release| point.optional_fields(release).collect::<Vec<_>>();
    let execve = own_point("sentry/execve", Release::R2022).unwrap();
    assert_eq!(names(execve, Release::R2024), ["binary_info"]);
    assert_eq!(
        names(execve, Release::R2026),
        ["binary_info", "binary_sha256", "binary_sha1", "fd_info", "pipe_proc_info"]
    );
    let execveat = call_point(Sysno(322), Stage::Enter, Release::R2022).unwrap();
    assert_eq!(names(execveat, Release::R2022), ["fd_path", "envv"]);

    assert_eq!(execve.context_fields(Release::R2024).count(), 9);
    assert_eq!(execve.context_fields(Release::R2026).count(), 11);
    let exit = own_point("sentry/exit_notify_parent", Release::R2022).unwrap();
    assert!(exit.context_fields(Release::R2022).any(|name| name == "cwd"));
    assert!(!exit.context_fields(Release::R2024).any(|name| name == "cwd"));
    assert!(!exit.context_fields(Release::R2026).any(|name| name == "is_exec_session"));
}

#[test]
fn raw_exits_of_the_older_releases_need_their_enter() {
    assert_eq!(Release::ALL.map(Release::raw_exit_needs_enter), [true, true, false]);
    assert_eq!(["2022", "2024", "2026"].map(Release::by_name), Release::ALL.map(Some));
    assert_eq!(Release::by_name("2023"), None);
}
