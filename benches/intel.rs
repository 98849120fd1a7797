//! What lists cost: a lookup among five million addresses and among a million digests, reading a snapshot of that size
//! from its file, and a change of lists over a thousand remembered endpoints.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark of what is known to be there")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sluicebox::engine::Sandbox;
use sluicebox::event::Time;
use sluicebox::intel::feed::{FileHash, Indicator, Record};
use sluicebox::intel::{Added, Intel, IntelBuilder, Trust};
use sluicebox::rules::testing::Script;
use sluicebox::rules::{Thresholds, builtin};

const ADDRESSES: u32 = 5_000_000;
const DIGESTS: u32 = 1_000_000;
const PREFIXES: u32 = 20_000;
const NOW: Time = Time(1_800_000_000_000_000_000);

/// Evenly spread and all different: an odd factor is a bijection of 32 bits.
fn spread(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca77)
}

fn addr(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(spread(number)))
}

fn digest(number: u32) -> FileHash {
    let mut digest = [0; 32];
    let words = digest.chunks_exact_mut(4).zip(0u32..);
    for (word, at) in words {
        word.copy_from_slice(&spread(number.wrapping_add(at.wrapping_mul(0x1000_0001))).to_be_bytes());
    }
    FileHash::Sha256(digest)
}

fn large() -> Intel {
    let mut builder = IntelBuilder::seed();
    let feed = builder.feed("bench", ["mining-pool"]);
    let addresses = (0..ADDRESSES).map(|number| Indicator::Ip(addr(number)));
    let digests = (0..DIGESTS).map(|number| Indicator::Hash(digest(number)));
    let prefixes = (0..PREFIXES).map(|number| {
        let net = ipnet::Ipv4Net::new(Ipv4Addr::from(spread(number.wrapping_add(ADDRESSES))), 24);
        Indicator::Net(net.unwrap().into())
    });
    for indicator in addresses.chain(digests).chain(prefixes) {
        assert_eq!(builder.add(feed, &Record::bare(indicator, 1), 90, Trust::Full), Added::Kept);
    }
    builder.build(1)
}

fn bench(criterion: &mut Criterion) {
    let intel = large();
    let sizes = intel.sizes();
    println!("{sizes:?}");
    let mut number = 0u32;
    let mut next = move || {
        number = number.wrapping_add(1);
        spread(number ^ 0x5bd1_e995)
    };
    criterion.bench_function("intel/address/hit", |bencher| {
        bencher.iter_batched(
            || addr(next() % ADDRESSES),
            |addr| black_box(intel.ip(addr, NOW).map(|hit| hit.confidence())),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("intel/address/miss", |bencher| {
        bencher.iter_batched(
            || IpAddr::V4(Ipv4Addr::from(next())),
            |addr| black_box(intel.endpoint((addr, 443).into(), NOW).is_some()),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("intel/digest/hit", |bencher| {
        bencher.iter_batched(
            || digest(next() % DIGESTS),
            |digest| black_box(intel.file(&digest, NOW).map(|hit| hit.confidence())),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("intel/digest/miss", |bencher| {
        bencher.iter_batched(
            || digest(next() | 0x8000_0000),
            |digest| black_box(intel.file(&digest, NOW).is_some()),
            BatchSize::SmallInput,
        );
    });
    let bytes = intel.to_bytes();
    println!("file: {} bytes", bytes.len());
    let mut slow = criterion.benchmark_group("intel");
    slow.sample_size(10);
    slow.bench_function("load", |bencher| bencher.iter(|| Intel::from_bytes(black_box(&bytes)).unwrap()));
    slow.finish();

    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let script: String = (0..1000u32)
        .map(|at| {
            format!(
                "{at}s pid=10 connect fd=3 remote=198.51.{}.{}:443\n{at}s pid=10 close fd=3\n",
                at / 250,
                at % 250
            )
        })
        .collect();
    let (seed, mut sandbox, mut found) = (Intel::seed(), Sandbox::new(rules), Vec::new());
    for event in Script::parse(&script).unwrap().events() {
        sandbox.observe(&event, &seed, &mut found);
    }
    criterion.bench_function("intel/lists-changed", |bencher| {
        bencher.iter(|| sandbox.lists_changed(&seed, &intel, black_box(&mut found)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
