//! `sluicebox feeds update` against a server that breaks in every way: what was good stays in force, and why is told.

#[cfg(test)] // Always so here; it tells Clippy that helpers are tests as well.
mod common;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use common::feeds::{Host, addresses, gzip, plain_stays, said, stays};
use common::http::Answer;
use common::run;
use sluicebox_daemon::intel;

#[test]
fn an_answer_of_404_or_500_keeps_the_last_good_list() {
    plain_stays(Answer::of("404 Not Found", &[], b"192.0.2.1\n"), "http-status", "answered 404");
    plain_stays(Answer::of("500 Oops", &[], b""), "http-status", "answered 500");
}

#[test]
fn a_redirect_is_followed_five_times() {
    let host = Host::new();
    host.http.answer("/next", Answer::ok(addresses(40)));
    host.http.answer("/one", Answer::of("301 Moved", &[("Location", "/next")], b""));
    assert_eq!(host.update().0, Some(0));
    plain_stays(Answer::of("302 Found", &[("Location", "/one")], b""), "redirect", "more than 5 redirects");
}

#[test]
fn a_slow_drip_ends_at_the_time_limit() {
    let host = Host::with("timeout = \"1s\"", "");
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n192.0.2.1\n".to_vec();
    stays(&host, &addresses(40), Answer::Drip(drip), "timeout", "longer than 1 s");
}

#[test]
fn ten_gibibytes_are_refused_by_what_they_claim() {
    plain_stays(Answer::claiming(10 << 30, b"192.0.2.1\n"), "too-large", "more than 67108864 bytes");
}

#[test]
fn a_gzip_bomb_goes_off_at_the_limit() {
    let bomb = gzip(&vec![b'1'; 64 << 20]);
    let encoded = Answer::of("200 OK", &[("Content-Encoding", "gzip")], &bomb);
    for answer in [encoded, Answer::ok(bomb)] {
        let host = Host::with("max_bytes = 1048576", "");
        stays(&host, &addresses(40), answer, "too-large", "more than 1048576 bytes");
    }
}

#[test]
fn a_packed_list_is_unpacked() {
    let host = Host::new();
    host.http.answer("/one", Answer::ok(gzip(addresses(40).as_bytes())));
    let (status, printed) = host.update();
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(host.status()["entries"], 40);
}

#[test]
fn a_page_for_people_is_no_list() {
    plain_stays(Answer::ok("<!doctype html><html><body>192.0.2.1</body></html>"), "html", "an HTML page");
}

#[test]
fn a_body_that_was_cut_is_no_list() {
    plain_stays(Answer::claiming(1000, addresses(40).as_bytes()), "cut", "the body was cut");
    let packed = gzip(addresses(200).as_bytes());
    plain_stays(Answer::ok(&packed[..packed.len() - 6]), "broken-archive", "broken gzip");
}

#[test]
fn a_list_that_has_not_the_size_that_it_declares_is_refused() {
    let drop = |records: usize| {
        let nets = (0..20).map(|net| {
            format!("{{\"cidr\":\"198.51.100.{}/30\",\"sblid\":\"SBL{net}\",\"rir\":\"x\"}}\n", net * 4)
        });
        let end = format!(
            "{{\"type\":\"metadata\",\"timestamp\":1700000000,\"size\":1,\"records\":{records},\"copyright\":\"x\",\"terms\":\"x\"}}\n"
        );
        nets.collect::<String>() + &end
    };
    stays(&Host::new(), &drop(20), Answer::ok(drop(21)), "declared-mismatch", "declares 21 and has 20");
}

#[test]
fn a_list_may_be_empty_only_where_that_was_said() {
    plain_stays(Answer::ok("# nothing today\n"), "empty", "may not be empty");
    let host = Host::with("may_be_empty = true\nmax_shrinkage = 100", "");
    host.take(&addresses(40));
    host.take("# nothing today\n");
    assert_eq!(host.status()["entries"], 0);
}

#[test]
fn a_list_that_lost_nine_tenths_is_refused() {
    plain_stays(Answer::ok(addresses(4)), "shrunk", "shrank by more than 50 %");
}

#[test]
fn a_list_with_everything_or_with_private_networks_is_refused() {
    plain_stays(
        Answer::ok(addresses(40) + "0.0.0.0/0\n"),
        "half-of-all",
        "line 41 names half of the Internet",
    );
    plain_stays(Answer::ok(addresses(40) + "10.0.0.0/8\n"), "strict", "line 41: private");
}

#[test]
fn a_list_with_what_the_operator_allows_is_refused() {
    let allow = "[[allow]]\nwhat = \"198.51.100.7\"\nreason = \"our gateway\"\n";
    let host = Host::with("", allow);
    stays(&host, &addresses(40), Answer::ok(addresses(40) + "198.51.100.7\n"), "strict", "our gateway");
    // Where the operator prefers it, only the entry is left out.
    let host = Host::with("strict = false", allow);
    host.take(&(addresses(40) + "198.51.100.7\n"));
    assert_eq!(host.status()["entries"], 40);
    let (status, printed) = said(&run(host.feeds("explain").arg("198.51.100.7")));
    assert_eq!(status, Some(0));
    assert!(
        printed.contains("one line 41 names 198.51.100.7: not believed: allowed-by-operator: our gateway"),
        "{printed}"
    );
}

#[test]
fn a_publisher_with_nothing_new_is_told_what_is_there() {
    let host = Host::new();
    host.http.answer("/one", Answer::Tagged("\"v1\"", addresses(40).into_bytes()));
    assert_eq!(host.update().0, Some(0));
    let generation = host.generation();
    let (status, printed) = host.update();
    assert_eq!(status, Some(0));
    assert!(printed.contains("one: unchanged; 40 entries") && printed.contains("nothing new"), "{printed}");
    assert_eq!(host.generation(), generation);
    // A file that was lost is fetched again.
    fs::remove_file(host.directory.path().join("state/one.feed")).unwrap();
    assert!(host.update().1.contains("one: accepted; 40 entries"));
}

#[test]
fn a_feed_is_not_fetched_before_its_time() {
    let host = Host::new();
    host.take(&addresses(40));
    host.http.requests();
    let (status, printed) = said(&run(&mut host.feeds("update")));
    assert_eq!(status, Some(0), "{printed}");
    assert!(printed.contains("not due for"), "{printed}");
    assert_eq!(host.http.requests(), Vec::<String>::new());
}

#[test]
fn a_key_reaches_its_publisher_and_nobody_else() {
    let secret = "s3cr3t-k3y";
    for header in ["header = \"Auth-Key\"", ""] {
        let host = Host::with(&format!("[feed.key]\nfile = \"key\"\n{header}\n"), "");
        fs::write(host.directory.path().join("key"), format!("{secret}\n")).unwrap();
        let other = common::http::Http::start();
        let path = if header.is_empty() { format!("/one?key={secret}") } else { "/one".to_owned() };
        host.http.answer(&path, Answer::of("302 Found", &[("Location", &other.url("/elsewhere"))], b""));
        let (status, printed) = host.update();
        assert_eq!(status, Some(1));
        assert!(host.http.requests()[0].contains(secret));
        assert!(!other.requests()[0].contains(secret));
        host.http.answer(&path, Answer::Raw(format!("{secret} is no HTTP\r\n\r\n").into_bytes()));
        let (status, more) = host.update();
        assert_eq!(status, Some(1));
        let kept = fs::read_to_string(host.directory.path().join("state/one.json")).unwrap();
        assert!(!(printed + &more + &kept).contains(secret));
    }
}

#[test]
fn explain_says_who_says_so() {
    let host = Host::new();
    host.take(&addresses(40));
    let (status, printed) = said(&run(host.feeds("explain").arg("192.0.2.7")));
    assert_eq!(status, Some(1));
    assert!(printed.contains("one says mining-pool, confidence 90"), "{printed}");
    let (status, printed) = said(&run(host.feeds("explain").arg("203.0.113.1")));
    assert_eq!(status, Some(0));
    assert!(printed.contains("nobody says anything"), "{printed}");
}

#[test]
fn two_runs_do_not_get_in_each_others_way() {
    let host = Host::new();
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n".to_vec();
    host.http.answer("/one", Answer::Drip(drip));
    let mut first = host.feeds("update").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    common::wait_for("the first run's request", || (!host.http.requests().is_empty()).then_some(()));
    let (status, printed) = host.update();
    assert_eq!(status, Some(2));
    assert!(printed.contains("another update is running"), "{printed}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_at_any_point_leaves_a_whole_snapshot() {
    let host = Host::with("max_growth = 100000\nmax_shrinkage = 100", "");
    let list = |round: u32| -> String {
        (0..20_000_u32).map(|n| format!("100.{}.{}.{}\n", n >> 8 & 63, n & 255, 1 + round % 200)).collect()
    };
    host.take(&list(0));
    // The first run has no snapshot to compare with.
    let begin = Instant::now();
    host.take(&list(199));
    let whole_run = begin.elapsed();
    let mut published = 0;
    let mut last = host.generation();
    for round in 1..=100 {
        host.http.answer("/one", Answer::ok(list(round)));
        let mut run =
            host.feeds("update").arg("--force").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over all of a run and a little more, in an order that is not that of time.
        thread::park_timeout(whole_run * (round * 37 % 101) / 75);
        run.kill().unwrap();
        run.wait().unwrap();
        let intel = intel::load(&host.snapshot()).unwrap_or_else(|error| panic!("round {round}: {error}"));
        published += u32::from(intel.generation() != last);
        last = intel.generation();
    }
    assert!(published > 0, "none got as far as the snapshot, which says nothing");
    println!(
        "{published} of 100 runs had published before they were killed, a whole run takes {whole_run:?}"
    );
    // What was left over is in nobody's way.
    host.take(&list(101));
    assert!(host.generation() > last);
}

#[test]
fn a_feed_that_moved_is_due_and_its_last_good_file_stays_until_the_new_place_has_one() {
    let host = Host::new();
    host.take(&addresses(40));
    let config = fs::read_to_string(host.config()).unwrap();
    host.configure(&config.replace("/one", "/two"));
    let (status, printed) = said(&run(&mut host.feeds("update")));
    assert_eq!(status, Some(1));
    assert!(printed.contains("answered 404") && printed.contains("40 entries"), "{printed}");
    assert_eq!(host.status()["entries"], 40);
    // Another place is another list: it may be much smaller.
    host.http.answer("/two", Answer::ok(addresses(4)));
    assert_eq!(host.update().0, Some(0));
    assert_eq!(host.status()["entries"], 4);
}
