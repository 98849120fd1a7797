//! The language itself: what a line becomes, and what is said of one that is wrong.

use super::*;
use crate::event::{Event, Kind};
use crate::rules::Thresholds;
use crate::rules::builtin;

fn kinds(script: &str) -> Vec<String> {
    let script = Script::parse(script).unwrap();
    let said = |event: Event<'_>| {
        let context = event.context.unwrap();
        format!("{} {}", context.tgid.0, event.kind.name())
    };
    script.events().map(said).collect()
}

fn error(script: &str) -> String {
    Script::parse(script).unwrap_err().to_string()
}

#[test]
fn processes_come_by_themselves_the_first_with_its_container() {
    assert_eq!(
        kinds("0s pid=10 chdir path=/\n1s pid=11 parent=10 getuid\n2s pid=11 getuid"),
        ["1 container/start", "1 sentry/clone", "10 chdir", "10 sentry/clone", "11 getuid", "11 getuid"]
    );
    assert_eq!(kinds("0s pid=1 getuid"), ["1 container/start", "1 getuid"]);
    assert_eq!(kinds("0s pid=1 container argv=/bin/sh"), ["1 container/start"]);
    assert_eq!(
        kinds("0s pid=1 getuid\n0s pid=50 container=two getuid\n0s pid=51 parent=50 getuid"),
        ["1 container/start", "1 getuid", "50 container/start", "50 getuid", "50 sentry/clone", "51 getuid"]
    );
}

#[test]
fn an_id_that_is_used_again_is_another_process() {
    let script = Script::parse("0s pid=10 getuid\n0s pid=10 exit\n0s pid=10 getuid").unwrap();
    let starts: Vec<_> = script
        .events()
        .map(|event| event.context.unwrap())
        .filter(|context| context.tgid.0 == 10)
        .map(|context| context.start)
        .collect();
    assert!(starts[0] == starts[1] && starts[1] < starts[2], "{starts:?}");
}

#[test]
fn descriptors_are_the_lowest_free_ones_and_close_on_exec() {
    let script = Script::parse(
        "0s pid=10 openat path=/a
         0s pid=10 openat path=/b flags=O_RDONLY|O_CLOEXEC
         0s pid=10 dup old=3
         0s pid=10 close fd=3
         0s pid=10 execve path=/bin/x
         0s pid=10 socket
         0s pid=10 openat path=/c errno=ENOENT
         0s pid=10 pipe2",
    )
    .unwrap();
    let results: Vec<_> = script
        .events()
        .filter_map(|event| Some((event.kind.name(), event.kind.call()?.success())))
        .filter(|(name, _)| *name != "close")
        .collect();
    let expected =
        [("openat", Some(3)), ("openat", Some(4)), ("dup", Some(5)), ("socket", Some(3)), ("openat", None)];
    assert_eq!(results[..5], expected);
    let Some(Event { kind: Kind::Pipe(pipe), .. }) = script.events().last() else { unreachable!() };
    assert_eq!((pipe.reader.0, pipe.writer.0), (4, 6));
}

#[test]
fn arguments_are_split_as_a_shell_would() {
    let script = Script::parse(r#"0s pid=10 execve path=/bin/sh argv="sh -c 'a \"b\" c' '' \xff""#).unwrap();
    let Some(Event { kind: Kind::SentryExecve(exec), .. }) = script.events().last() else { unreachable!() };
    let argv: Vec<&[u8]> = exec.argv.iter().map(crate::event::Text::bytes).collect();
    assert_eq!(argv, [&b"sh"[..], b"-c", b"a \"b\" c", b"", b"\xff"]);
}

#[test]
fn a_line_that_repeats_happens_as_often_and_as_far_apart() {
    let script = Script::parse("5s pid=10 times=3 every=2s getuid").unwrap();
    let times: Vec<_> = script
        .events()
        .skip(2)
        .map(|event| event.context.unwrap().time.since(BEGIN).0 / 1_000_000_000)
        .collect();
    assert_eq!(times, [5, 7, 9]);
}

#[test]
fn whatever_is_wrong_has_its_place_and_its_mend() {
    for (script, said) in [
        (
            "soon pid=1 getuid",
            "line 1, column 1: `soon` is no time; begin the line with one such as `30m` or `1s5ms`",
        ),
        ("\n 0s getuid", "line 2, column 2: no process is named; write `pid=10` behind the time"),
        ("0s pid=1", "line 1, column 8: no event is named; write one such as `connect` behind the process"),
        ("0s pid=1 conect", "line 1, column 10: there is no event `conect`; did you mean `connect`?"),
        ("0s pid=1 close fs=3", "line 1, column 10: the event needs `fd`; add `fd=`"),
        ("0s pid=1 getuid arg7=3", "line 1, column 17: the event has no key `arg7`; did you mean `arg1`?"),
        ("0s pid=1 close fd=x", "line 1, column 16: `fd` cannot be `x`; write a number such as `3`"),
        (
            "0s pid=1 open path=/x errno=ENOENTE",
            "line 1, column 23: `errno` cannot be `ENOENTE`; write the name of an error such as `ENOENT`",
        ),
        ("0s pid=1 close fd=1 fd=2", "line 1, column 21: `fd` is there twice; leave one out"),
        ("0s pid=1 open path=\"/x", "line 1, column 15: the quoted text does not end; close it with `\"`"),
        (
            "0s pid=3 parent=2 getuid",
            "line 1, column 1: process 2 did nothing so far; let it do something first, or leave `parent` out",
        ),
        (
            "#^ x",
            "line 1, column 1: the annotation has no event above it; put it under the line that causes the match",
        ),
        ("0s pid=1 getuid\n#^ x +y", "line 2, column 1: `points` cannot be `y`; write points such as `+30`"),
        ("0s pid=1 times=1000000 getuid", "line 1, column 1: a script has at most 100000 events; split it"),
    ] {
        assert_eq!(error(script), said, "{script}");
    }
}

#[test]
fn missing_and_unexpected_matches_are_told_apart() {
    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let script = Script::parse(
        "0s pid=10 openat path=/tmp/x flags=O_CREAT|O_WRONLY origin=network
         #^ pool-reconnect
         1s pid=10 execve path=/tmp/x
         #^ finding alert",
    )
    .unwrap();
    let outcome = check(&rules, &Intel::seed(), &script);
    assert!(!outcome.is_as_expected());
    assert_eq!(outcome.matches_of("downloaded-program-run"), 1);
    assert_eq!(
        outcome.to_string(),
        "missing: pool-reconnect
  at line 1: 0s pid=10 openat path=/tmp/x flags=O_CREAT|O_WRONLY origin=network
missing: finding alert
  at line 3: 1s pid=10 execve path=/tmp/x
unexpected: downloaded-program-run +30 /tmp/x runs bytes that came from 203.0.113.1:80
  via /tmp/x <- 203.0.113.1:80
  at line 3: 1s pid=10 execve path=/tmp/x
unexpected: finding notice downloaded-program-run
  at line 3: 1s pid=10 execve path=/tmp/x
"
    );
}
