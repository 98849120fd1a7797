//! Compiled conditions against a walk over the tree as it was written, on every event of recorded traces.

#![expect(clippy::wildcard_enum_match_arm, reason = "what the checks below do not use is unreachable")]

use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::condition::{ConditionCompiler, Lists};
use super::gate::Gate;
use super::predicate::Predicate;
use crate::rules::diagnostics::Diagnostics;
use crate::rules::fields::{self, FieldRef, Memo, Scene, Value};
use crate::rules::lang::{self, Check, Expr, ExprKind, Operand, Operator, Term};
use crate::rules::plan::{Plan, Scratch};
use crate::rules::ruleset::StepIx;
use crate::rules::source::Text;
use crate::rules::testing::intel;
use crate::state::State;
use crate::wire::{self, tracefile};

/// Checks with something to find in the traces, and with fields that most events have not.
const CHECKS: &[&str] = &[
    "evt.type = connect",
    "evt.type in (openat, open, ioctl, execve)",
    "evt.type != openat",
    "evt.failed = true",
    "evt.failed != true",
    "evt.is_open_write = true",
    "evt.arg.filename startswith /sys/",
    "evt.arg.filename startswith /sys/devices",
    "evt.arg.filename startswith /",
    "evt.arg.filename endswith .so.6",
    "evt.arg.filename endswith 6",
    "evt.arg.filename contains lib",
    "evt.arg.filename contains ib",
    "evt.arg.filename contains huge",
    "evt.arg.filename icontains HUGE",
    "evt.arg.filename glob \"/dev/*\"",
    "evt.arg.filename in (/dev/mem, /etc/passwd, /etc/ld.so.cache)",
    "evt.arg.filename pmatch (/sys/firmware, /etc)",
    "evt.rawres < 0",
    "evt.rawres >= 3",
    "evt.rawres != 0",
    "proc.name in (bash, sh, python3, curl)",
    "proc.name != bash",
    "proc.name startswith b",
    "proc.aname in (bash, sh)",
    "proc.program.origin = network",
    "proc.program.origin in (network, created)",
    "proc.exe.origin != unknown",
    "proc.program.remote exists",
    "proc.pname exists",
    "proc.stdio.remote exists",
    "file.origin = network",
    "fd.num > 2",
    "fd.num in (0, 1, 2)",
    "fd.rip exists",
    "fd.rnet in (198.51.100.0/24)",
    "fd.rnet in (198.51.0.0/16, 10.0.0.0/8, 127.0.0.0/8)",
    "fd.rnet != 127.0.0.0/8",
    "fd.rport = 443",
    "fd.rport != 443",
    "fd.rport <= 1024",
    "net.new = true",
    "net.attempts > 1",
    "gpu.state = context",
    "gpu.ioctls >= 10",
    "intel.text.tags intersects (miner-flag, stratum-scheme)",
    "intel.bin.tags intersects (miner)",
];

fn conditions() -> impl Strategy<Value = String> {
    let check = prop::sample::select(CHECKS).prop_map(str::to_owned);
    check.prop_recursive(4, 24, 4, |inner| {
        let several = |inner: BoxedStrategy<String>| prop::collection::vec(inner, 2..4);
        let inner = inner.boxed();
        prop_oneof![
            several(inner.clone()).prop_map(|members| format!("({})", members.join(" and "))),
            several(inner.clone()).prop_map(|members| format!("({})", members.join(" or "))),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

/// What the tree says, asked in the order in which it was written.
fn walk(expr: &Expr, scene: &Scene<'_>) -> bool {
    match &expr.kind {
        ExprKind::And(members) => members.iter().all(|member| walk(member, scene)),
        ExprKind::Or(members) => members.iter().any(|member| walk(member, scene)),
        ExprKind::Not(inner) => !walk(inner, scene),
        ExprKind::Check(check) => passes(check, scene),
        ExprKind::Macro(_) => unreachable!("no macros in here"),
    }
}

fn passes(check: &Check, scene: &Scene<'_>) -> bool {
    let Term::Field(field) = &check.left else { unreachable!("no transformers in here") };
    let (def, index) = match fields::named(&field.name).unwrap() {
        fields::Named::Field(def) => (def, None),
        fields::Named::Param(def, param) => (def, Some(param.0)),
        fields::Named::Unavailable(..) => return false,
    };
    let Some(value) = scene.get(FieldRef { id: def.id, index }) else { return false };
    let right: Vec<&str> = match &check.right {
        None => return true,
        Some(Operand::Value(value)) => vec![&value.text],
        Some(Operand::List(list)) => list.items.iter().map(|item| item.text.as_str()).collect(),
        Some(Operand::Named(_) | Operand::Term(_)) => unreachable!("no names in here"),
    };
    let any = |is: &dyn Fn(&Value<'_>, &str) -> bool| match &value {
        Value::Texts(texts) => {
            texts.iter().any(|text| right.iter().any(|right| is(&Value::Text(text.clone()), right)))
        }
        Value::Words(words) => {
            words.iter().any(|word| right.iter().any(|right| is(&Value::Word(word), right)))
        }
        one => right.iter().any(|right| is(one, right)),
    };
    match check.operator.value {
        Operator::Eq | Operator::In | Operator::Intersects => any(&equals),
        Operator::Ne => !any(&equals),
        Operator::Lt => any(&|value, right| number(value) < right.parse().unwrap()),
        Operator::Le => any(&|value, right| number(value) <= right.parse().unwrap()),
        Operator::Gt => any(&|value, right| number(value) > right.parse().unwrap()),
        Operator::Ge => any(&|value, right| number(value) >= right.parse().unwrap()),
        Operator::StartsWith => any(&|value, right| text(value).starts_with(right)),
        Operator::EndsWith => any(&|value, right| text(value).ends_with(right)),
        Operator::Contains => any(&|value, right| text(value).contains(right)),
        Operator::IContains => {
            any(&|value, right| text(value).to_lowercase().contains(&right.to_lowercase()))
        }
        // The one pattern in here.
        Operator::Glob => any(&|value, right| text(value).starts_with(right.trim_end_matches('*'))),
        Operator::PMatch => any(&|value, right| {
            let text = text(value);
            text == right || text.starts_with(&format!("{right}/"))
        }),
        other => unreachable!("no {} in here", other.word()),
    }
}

fn equals(value: &Value<'_>, right: &str) -> bool {
    match value {
        Value::Bool(flag) => right == flag.to_string(),
        Value::Int(number) => right == number.to_string(),
        Value::Text(_) | Value::Word(_) => text(value) == right,
        Value::Ip(addr) => right.parse::<ipnet::IpNet>().unwrap().contains(addr),
        Value::Words(_) | Value::Endpoint(_) | Value::Texts(_) | Value::Ints(_) | Value::Ips(_) => {
            unreachable!("no such equality in here")
        }
    }
}

fn number(value: &Value<'_>) -> i64 {
    let Value::Int(number) = value else { unreachable!("no other order in here") };
    *number
}

fn text(value: &Value<'_>) -> String {
    String::from_utf8_lossy(value.as_bytes().unwrap()).into_owned()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads its files; the library does not")]
fn compiled_conditions_hold_where_the_tree_says_so_and_their_gates_are_open_there() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut drawn: Vec<String> = CHECKS.iter().map(|check| (*check).to_owned()).collect();
    drawn.extend((0..200).map(|_| conditions().new_tree(&mut runner).unwrap().current()));
    let mut diagnostics = Diagnostics::default();
    let mut lists = Lists::default();
    let mut compiler = ConditionCompiler::new("", &[], &mut lists, &mut diagnostics);
    let pairs: Vec<(Expr, Predicate)> = drawn
        .iter()
        .map(|condition| {
            let expr = lang::parse(&Text::nowhere(condition)).unwrap();
            let compiled = compiler.condition(&expr);
            (expr, compiled)
        })
        .collect();
    assert!(diagnostics.is_empty());
    let intel = intel();
    // A plan asks of many conditions only those that can hold.
    let gates: Vec<Gate> = pairs.iter().map(|(expr, _)| Gate::of(expr, &[], &mut lists)).collect();
    let places = (0..pairs.len()).map(|step| StepIx { rule: 0, step });
    let plan = Plan::new(places.zip(&gates));
    let (mut asked, mut compared, mut scratch) = (0usize, 0usize, Scratch::default());
    let mut held = vec![false; pairs.len()];
    for name in ["2024/m_gpu_miner", "2026/m_drop_exec_pool", "2026/b_web_client"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/corpus/{name}.trace.zst"));
        let trace = zstd::decode_all(std::fs::read(path).unwrap().as_slice()).unwrap();
        let mut reader = tracefile::Reader::new(trace.as_slice()).unwrap();
        let mut state = State::default();
        while let Some(packet) = reader.next_packet().unwrap() {
            let Some(event) = wire::decode(packet).unwrap().event else { continue };
            let Some(observation) = state.apply(&event) else { continue };
            let memo = Memo::default();
            let scene =
                Scene { event: &event, observation: &observation, state: &state, intel: &intel, memo: &memo };
            plan.candidates(&scene, &mut scratch);
            asked += scratch.steps.len();
            compared += pairs.len();
            for (step, (((expr, compiled), condition), held)) in
                pairs.iter().zip(&drawn).zip(&mut held).enumerate()
            {
                let holds = walk(expr, &scene);
                assert_eq!(compiled.holds(&scene, &[]), holds, "{condition}\non {event:?}");
                *held |= holds;
                let is_asked = scratch.steps.binary_search(&StepIx { rule: 0, step }).is_ok();
                assert!(is_asked || !holds, "{condition}: its gate is closed on {event:?}");
            }
        }
    }
    assert!(compared >= 1_000_000, "only {compared} pairs of condition and event");
    assert!(asked < compared / 10 * 9, "{asked} of {compared} conditions asked");
    // Conditions that never hold would compare nothing.
    let never = held.iter().filter(|held| !**held).count();
    assert!(never * 3 < held.len(), "{never} of {} conditions never held", held.len());
}
