//! Feeds that are not one plain file: archives, collections in pages, directories of events. What one part breaks leaves
//! the last good whole in force.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use common::feeds::{Host, addresses, said, stays};
use common::http::Answer;
use common::parts::{UUID, asked, event, manifest, misp, objects, page, zip};
use common::run;
use serde_json::{Value, json};

#[test]
fn a_dump_in_a_zip_is_unpacked_and_a_broken_one_is_refused() {
    let list = addresses(40);
    let host = Host::new();
    host.http.answer("/one", Answer::ok(zip(list.as_bytes())));
    let (status, printed) = host.update();
    assert_eq!((status, host.status()["entries"].as_u64()), (Some(0), Some(40)), "{printed}");

    let mut broken = zip(list.as_bytes());
    broken[50] ^= 1;
    stays(&Host::new(), &list, Answer::ok(&broken), "broken-archive", "checksum does not hold");
    let host = Host::with("max_bytes = 1000", "");
    stays(
        &host,
        &addresses(20),
        Answer::ok(zip(addresses(90).as_bytes())),
        "too-large",
        "more than 1000 bytes",
    );
}

#[test]
fn the_pages_of_a_collection_are_followed() {
    let host = Host::with("published = \"taxii\"", "");
    host.http.answer("/one", page(objects(10..30), Some("a b")));
    host.http.answer("/one?next=a%20b", page(objects(30..50), Some("3")));
    host.http.answer("/one?next=3", page(objects(50..60), None));
    let (status, printed) = host.update();
    assert_eq!((status, host.status()["entries"].as_u64()), (Some(0), Some(50)), "{printed}");
    let asked = host.http.requests();
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|request| request.to_lowercase().contains("accept: application/taxii+json;version=2.1"))
    );
}

#[test]
fn a_collection_that_names_no_next_page_goes_on_behind_the_last_one() {
    let host = Host::with("published = \"taxii\"", "");
    let first = json!({ "more": true, "objects": objects(10..30) }).to_string();
    let reaches = [("X-TAXII-Date-Added-Last", "2026-01-02T03:04:05Z")];
    host.http.answer("/one", Answer::of("200 OK", &reaches, first.as_bytes()));
    host.http.answer("/one?added_after=2026-01-02T03%3A04%3A05Z", page(objects(30..40), None));
    let (status, printed) = host.update();
    assert_eq!((status, host.status()["entries"].as_u64()), (Some(0), Some(30)), "{printed}");
}

#[test]
fn a_collection_without_an_end_is_refused() {
    let list = json!({ "objects": objects(10..40) }).to_string();
    let host = Host::with("published = \"taxii\"", "");
    host.http.answer("/one?next=x", page(objects(10..30), Some("x")));
    stays(&host, &list, page(objects(10..30), Some("x")), "parts", "leads to itself");
    let host = Host::with("published = \"taxii\"", "");
    host.http.answer("/one?next=x", Answer::ok("<html>"));
    stays(&host, &list, page(objects(10..30), Some("x")), "parts", "no envelope of TAXII");
    let host = Host::with("published = \"taxii\"", "");
    stays(&host, &list, page(objects(10..30), Some("gone")), "http-status", "answered 404");
    // The limit is one of all pages.
    let host = Host::with("published = \"taxii\"\nmax_bytes = 9000", "");
    host.http.answer("/one?next=x", page(objects(30..60), None));
    stays(&host, &list, page(objects(10..30), Some("x")), "too-large", "more than 9000 bytes");
}

#[test]
fn of_a_directory_only_changed_events_are_fetched_again() {
    let host = misp("");
    host.http.answer(
        "/misp/manifest.json",
        manifest(&[(1, 1_700_000_100), (2, 1_700_000_200), (3, 1_700_000_300)]),
    );
    for number in 1..=3 {
        let path = format!("/misp/{UUID}{number}.json");
        host.http.answer(
            &path,
            event(number, 1_700_000_000 + u64::from(number) * 100, number * 20..number * 20 + 10),
        );
    }
    let (status, printed) = host.update();
    assert_eq!((status, host.status()["entries"].as_u64()), (Some(0), Some(30)), "{printed}");
    assert_eq!(asked(&host), "manifest.json 3.json 2.json 1.json ");

    // One has changed, one is gone from the manifest, and one that it names is gone from the directory.
    host.http.answer(
        "/misp/manifest.json",
        manifest(&[(1, 1_700_000_100), (2, 1_700_000_250), (4, 1_700_000_400)]),
    );
    host.http.answer(&format!("/misp/{UUID}2.json"), event(2, 1_700_000_250, 40..55));
    let (status, printed) = host.update();
    assert_eq!((status, host.status()["entries"].as_u64()), (Some(0), Some(25)), "{printed}");
    assert_eq!(asked(&host), "manifest.json 4.json 2.json ");
}

#[test]
fn of_a_large_directory_the_newest_events_are_taken() {
    let host = misp("max_events = 2");
    host.http.answer(
        "/misp/manifest.json",
        manifest(&[(1, 1_700_000_100), (2, 1_700_000_200), (3, 1_700_000_300)]),
    );
    host.http.answer(&format!("/misp/{UUID}2.json"), event(2, 1_700_000_200, 10..20));
    host.http.answer(&format!("/misp/{UUID}3.json"), event(3, 1_700_000_300, 20..30));
    assert_eq!(host.update().0, Some(0));
    assert_eq!(
        (asked(&host).as_str(), host.status()["entries"].as_u64()),
        ("manifest.json 3.json 2.json ", Some(20))
    );
}

#[test]
fn a_directory_with_a_broken_part_keeps_what_was_there() {
    let host = misp("");
    host.http.answer("/misp/manifest.json", manifest(&[(1, 1_700_000_100)]));
    host.http.answer(&format!("/misp/{UUID}1.json"), event(1, 1_700_000_100, 10..40));
    assert_eq!(host.update().0, Some(0));
    let before = std::fs::read(host.snapshot()).unwrap();

    let forged =
        json!({ format!("{UUID}1"): { "timestamp": "1700000101", "integrity:sha256": "0".repeat(64) } });
    for (manifest, part, reason) in [
        (manifest(&[(1, 1_700_000_101)]), Answer::of("500 Oops", &[], b""), "(http-status)"),
        (manifest(&[(1, 1_700_000_101)]), Answer::ok("{\"Event\":"), "(parts)"),
        (manifest(&[(1, 1_700_000_101)]), Answer::ok("{}"), "(parts)"),
        (Answer::ok(forged.to_string()), event(1, 1_700_000_101, 10..40), "(parts)"),
        (Answer::ok("<!doctype html><html>"), event(1, 1_700_000_101, 10..40), "(html)"),
        (Answer::ok("{\"uuid\":"), event(1, 1_700_000_101, 10..40), "(broken-json)"),
        // All events are gone.
        (manifest(&[(9, 1_700_000_101)]), event(1, 1_700_000_101, 10..40), "(empty)"),
    ] {
        host.http.answer("/misp/manifest.json", manifest);
        host.http.answer(&format!("/misp/{UUID}1.json"), part);
        let (status, printed) = host.update();
        assert!(status == Some(1) && printed.contains(reason), "{reason}: {printed}");
        assert!(std::fs::read(host.snapshot()).unwrap() == before, "{reason}: the snapshot has changed");
    }
}

#[test]
fn an_entry_without_a_date_is_as_old_as_the_first_file_with_it() {
    let host = Host::new();
    host.take(&addresses(40));
    let first = said(&run(host.feeds("explain").arg("192.0.2.7"))).1;
    assert!(first.contains(", since 20"), "{first}");
    // The same bytes give the same snapshot, and what stays listed keeps its date.
    let generation = host.generation();
    assert_eq!(host.update().0, Some(0));
    assert_eq!(host.generation(), generation);
    host.take(&addresses(41));
    let again = said(&run(host.feeds("explain").arg("192.0.2.7"))).1;
    let since = |printed: &str| printed.split(", since ").nth(1).map(str::to_owned);
    assert_eq!(since(&again), since(&first));
}

#[test]
fn status_tells_whether_a_snapshot_is_where_it_was_put() {
    let host = Host::new();
    let (status, printed) = said(&run(&mut host.feeds("status")));
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("nothing is published"), "{printed}");
    let elsewhere = host.directory.path().join("elsewhere");
    host.http.answer("/one", Answer::ok(addresses(40)));
    assert_eq!(run(host.feeds("update").arg("--force").arg("--out").arg(&elsewhere)).status.code(), Some(0));
    assert_eq!(run(&mut host.feeds("status")).status.code(), Some(1), "not in the state directory");
    let (status, printed) =
        said(&run(host.feeds("status").args(["--format", "json", "--out"]).arg(&elsewhere)));
    assert_eq!(status, Some(0), "{printed}");
    let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert!(last["generation"].is_u64() && last["error"].is_null(), "{last}");
    std::fs::write(&elsewhere, "SLCINTEL").unwrap();
    let (status, printed) = said(&run(host.feeds("status").arg("--out").arg(&elsewhere)));
    assert_eq!(status, Some(1));
    assert!(printed.contains("cut short"), "{printed}");
}
