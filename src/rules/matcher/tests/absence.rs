//! Semantics 13: a step that must be absent is met when its time passes without a match.

use super::{rules, tells, tells_all};
use crate::engine::Sandbox;
use crate::event::Time;
use crate::rules::testing::{Script, intel};

/// a, then no b for ten minutes.
const A_NO_B: &str = "within: 1h
sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid, absent: true, within: 10m}]";

#[test]
fn it_is_met_when_the_time_passes_seen_by_whatever_event_comes_then() {
    // 50 ms more: an event of another thread may still be on its way.
    tells(A_NO_B, "0s pid=10 getuid\n10m49ms pid=20 close fd=1\n10m50ms pid=20 close fd=1\n#^ r");
    tells(A_NO_B, "0s pid=10 getuid\n5h pid=20 close fd=1\n#^ r");
    tells(A_NO_B, "0s pid=10 getuid\n9m pid=20 close fd=1");
}

#[test]
fn what_happens_in_its_time_voids_the_match_and_what_happens_after_it_does_not() {
    tells(A_NO_B, "0s pid=10 getuid\n10m pid=10 geteuid\n20m pid=10 close fd=1");
    tells(A_NO_B, "0s pid=10 getuid\n10m1ns pid=10 geteuid\n20m pid=10 close fd=1\n#^ r");
    tells(A_NO_B, "0s pid=10 getuid\n1m pid=20 geteuid\n20m pid=10 close fd=1\n#^ r");
}

#[test]
fn what_another_thread_did_just_before_may_have_come_after() {
    let keys = A_NO_B;
    tells(keys, "0s pid=10 tid=11 geteuid\n40ms pid=10 getuid\n20m pid=10 close fd=1");
    tells(keys, "0s pid=10 tid=11 geteuid\n60ms pid=10 getuid\n20m pid=10 close fd=1\n#^ r");
    // A thread's own events are in order.
    tells(keys, "0s pid=10 geteuid\n40ms pid=10 getuid\n20m pid=10 close fd=1\n#^ r");
}

#[test]
fn it_may_stand_between_two_steps() {
    let keys = "within: 1h
sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid, absent: true, within: 10m}, {condition: evt.type = getgid}]";
    tells(keys, "0s pid=10 getuid\n11m pid=10 getgid\n#^ r");
    tells(keys, "0s pid=10 getuid\n9m pid=10 getgid\n11m pid=10 close fd=1");
    tells(keys, "0s pid=10 getuid\n9m pid=10 geteuid\n11m pid=10 getgid");
    tells(keys, "0s pid=10 getuid\n10m30ms pid=10 getgid\n11m pid=10 close fd=1\n#^ r");
    tells(keys, "0s pid=10 getuid\n1h1ns pid=10 getgid");
}

#[test]
fn the_same_event_may_void_one_match_and_begin_the_next() {
    let keys = "within: 1h
sequence: [{condition: evt.type = getuid}, {condition: evt.type = getuid, absent: true, within: 10m}]";
    tells(keys, "0s pid=10 getuid\n10ms pid=10 getuid\n9m pid=10 getuid\n20m pid=10 close fd=1\n#^ r");
}

#[test]
fn in_a_set_its_time_begins_with_the_first_step_that_was_met() {
    let keys = "within: 1h
unordered: true
sequence: [{condition: evt.type = getuid}, {condition: evt.type = geteuid, absent: true, within: 10m}, {condition: evt.type = getgid}]";
    tells(keys, "0s pid=10 getgid\n1m pid=10 getuid\n11m pid=10 close fd=1\n#^ r");
    tells(keys, "0s pid=10 getgid\n11m pid=10 close fd=1\n12m pid=10 getuid\n#^ r");
    tells(keys, "0s pid=10 getgid\n1m pid=10 geteuid\n2m pid=10 getuid\n15m pid=10 close fd=1");
}

#[test]
fn it_may_ask_for_what_an_earlier_step_had() {
    let keys = "within: 1h
sequence: [{as: first, condition: evt.type = close}, {condition: evt.type = ioctl and fd.num = val(first.fd.num), absent: true, within: 1m}]
output: nothing on %first.fd.num";
    tells(
        keys,
        "0s pid=10 close fd=3\n0s pid=10 close fd=4\n1s pid=10 ioctl fd=3 request=1\n2m pid=10 getuid\n#^ r nothing on 4",
    );
}

#[test]
fn a_rule_may_build_on_a_match_that_time_completed() {
    tells_all(
        &[("r", A_NO_B), ("next", "sequence: [{match: [r]}]\noutput: \"%proc.pid\"")],
        "0s pid=10 getuid\n11m pid=20 close fd=1\n#^ r\n#^ next 10",
    );
}

#[test]
fn a_match_may_be_what_must_be_absent() {
    let other = ("other", "condition: evt.type = geteuid");
    let keys = "within: 1h
sequence: [{condition: evt.type = getuid}, {match: [other], absent: true, within: 10m}]";
    tells_all(&[other, ("r", keys)], "0s pid=10 getuid\n11m pid=10 close fd=1\n#^ r");
    tells_all(&[other, ("r", keys)], "0s pid=10 getuid\n1m pid=10 geteuid\n#^ other\n11m pid=10 close fd=1");
}

#[test]
fn several_waits_are_over_in_the_order_of_time() {
    let keys = |id: &str, within: &str| {
        (
            id.to_owned(),
            format!(
                "within: 1h\nsequence: [{{condition: evt.type = getuid}}, {{condition: evt.type = geteuid, absent: true, within: {within}}}]"
            ),
        )
    };
    let of = [keys("slow", "2m"), keys("quick", "1m")];
    let of: Vec<(&str, &str)> = of.iter().map(|(id, keys)| (id.as_str(), keys.as_str())).collect();
    let outcome = super::run(&of, "0s pid=10 getuid\n1h pid=10 close fd=1");
    let told: Vec<&str> = outcome.matches.iter().map(|matched| &*matched.rule).collect();
    assert_eq!(told, ["quick", "slow"]);
}

#[test]
fn a_tick_tells_of_the_time_where_nothing_happens() {
    let script = Script::parse("0s pid=10 getuid").unwrap();
    let mut sandbox = Sandbox::new(rules(&[("r", A_NO_B)]));
    let (intel, mut found) = (intel(), Vec::new());
    for event in script.events() {
        sandbox.observe(&event, &intel, &mut found);
    }
    let begin = sandbox.state().clock();
    let after = |millis: i64| Time(begin.0 + millis * 1_000_000);
    sandbox.tick(after(600_049), &intel, &mut found);
    assert_eq!(found.len(), 0);
    sandbox.tick(after(600_050), &intel, &mut found);
    sandbox.tick(after(900_000), &intel, &mut found);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].time_ns, after(600_000).0, "the finding is of when the time was over");
    assert_eq!(found[0].process.pid, 10);
    let story = crate::finding::text::story(&found[0]).to_string();
    assert!(story.contains("did not happen within 10m"), "{story}");
}
