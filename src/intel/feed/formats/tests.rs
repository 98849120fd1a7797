//! A small file of each form, in `fuzz/seeds/feed`, and what is in it.

#![expect(clippy::disallowed_methods, reason = "tests read their files")]

use crate::event::Time;
use crate::intel::feed::vet::kinds;
use crate::intel::feed::{Column, Columns, Ending, FeedError, Format, Options, Parsed, parse};

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("fuzz/seeds/feed/{name}")).unwrap()
}

fn read(name: &str) -> Parsed {
    parse(None, &bytes(name), &Options::default()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `ipv4 2, domain 1; 1 skipped; 1 unparsed; declares 3 of 3`
fn summary(parsed: &Parsed) -> String {
    let kinds: Vec<String> =
        kinds(&parsed.records).iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let mut summary = kinds.join(", ");
    let skipped: u64 = parsed.skipped.iter().map(|(_, count)| count).sum();
    if skipped > 0 {
        summary += &format!("; {skipped} skipped");
    }
    if parsed.unparsed.total > 0 {
        summary += &format!("; {} unparsed", parsed.unparsed.total);
    }
    if let Some(declared) = parsed.declared {
        summary += &format!("; {} of {}", declared.found(), declared.number());
    }
    summary
}

#[test]
fn every_form_is_told_from_its_bytes_and_read() {
    let cases = [
        (
            "plain",
            Format::Plain,
            "ipv4 7, cidr4 3, ip4port 1, ipv6 1, cidr6 1, ip6port 1, domain 1, hostport 1, url 2; 2 unparsed",
        ),
        ("plain-bom-crlf", Format::Plain, "ipv4 3"),
        ("hosts", Format::Hosts, "domain 4, hostport 1; 4 skipped; 1 unparsed"),
        ("firehol.netset", Format::Firehol, "ipv4 1, cidr4 1; 257 of 257"),
        ("drop.txt", Format::DropText, "cidr4 2"),
        ("drop.json", Format::DropJson, "cidr4 1, cidr6 1; 2 of 2"),
        ("asndrop.json", Format::DropJson, "; 1 skipped; 1 of 1"),
        ("feodo.csv", Format::FeodoCsv, "ip4port 2; 2 of 2"),
        ("feodo-old.csv", Format::FeodoCsv, "ip4port 1"),
        ("feodo.json", Format::FeodoJson, "ip4port 1"),
        ("threatfox.csv", Format::ThreatfoxCsv, "ip4port 1, ip6port 1, domain 1, url 1, sha256 1; 5 of 5"),
        ("threatfox.json", Format::ThreatfoxJson, "ip4port 1, domain 1"),
        ("threatfox-api.json", Format::ThreatfoxJson, "ip4port 1"),
        ("urlhaus.csv", Format::UrlhausCsv, "url 2"),
        ("urlhaus.json", Format::UrlhausJson, "url 1"),
        ("bazaar.csv", Format::BazaarCsv, "md5 1, sha1 1, sha256 1; 1 of 1"),
        ("bazaar.json", Format::BazaarJson, "md5 1, sha1 1, sha256 1"),
        ("sslbl.csv", Format::SslblCsv, "ip4port 1; 1 of 1"),
        ("sslbl-empty.csv", Format::SslblCsv, "; 0 of 0"),
        ("sslbl-certificates.csv", Format::SslblCertificates, "; 1 skipped; 1 of 1"),
        ("tor-exits", Format::TorExits, "ipv4 2"),
        ("ipsum", Format::Ipsum, "ipv4 2"),
        ("bruteforceblocker", Format::BruteForceBlocker, "ipv4 2"),
        ("maltrail", Format::Maltrail, "ipv4 1, ip4port 1, domain 1, url 1; 2 skipped"),
        ("dshield", Format::Dshield, "cidr4 2"),
        ("adblock", Format::Adblock, "domain 2; 3 skipped"),
        ("misp-event.json", Format::MispEvent, "ipv4 2, ip4port 1, domain 1, md5 1, sha1 1; 3 skipped"),
        ("misp-manifest.json", Format::MispManifest, ""),
        ("misp-hashes.csv", Format::MispHashes, "; 1 skipped"),
        ("misp-warninglist.json", Format::MispWarninglist, "cidr4 1, cidr6 1"),
        ("stix21.json", Format::Stix, "ipv4 1, domain 1, sha256 1; 3 skipped"),
        ("stix20.json", Format::Stix, "url 1"),
        ("taxii.json", Format::Stix, "ipv6 1"),
        ("crowdsec-stream.json", Format::CrowdsecJson, "ipv4 1, cidr4 1; 2 skipped"),
        ("crowdsec.csv", Format::CrowdsecCsv, "ipv4 1; 1 skipped"),
        ("otx.json", Format::Otx, "ipv4 1, domain 1; 2 skipped"),
        ("falco.yaml", Format::FalcoLists, "domain 2; 5 skipped"),
        ("table.csv", Format::Csv, "domain 2; 1 unparsed"),
        ("table-ports.csv", Format::Csv, "hostport 3"),
        ("rows.json", Format::Json, "ipv4 1, ipv6 1; 2 of 2"),
        ("rows.jsonl", Format::Json, "ipv4 2"),
        ("strings.json", Format::Json, "ipv4 1, domain 1"),
    ];
    for (name, format, expected) in cases {
        let told = read(name);
        assert_eq!((told.format, summary(&told).as_str()), (format, expected), "{name}: {:?}", told.unparsed);
        let named = parse(Some(format), &bytes(name), &Options::default()).unwrap();
        assert_eq!(summary(&named), expected, "{name}, named");
        assert_eq!(named.records, told.records, "{name}, named");
    }
    for format in Format::ALL {
        assert!(cases.iter().any(|(_, covered, _)| covered == format), "{format} has no file");
    }
}

#[test]
fn what_only_looks_like_a_list_is_refused_whole() {
    let cases = [
        ("refused-html", "html"),
        ("refused-rpz", "form-not-read"),
        ("refused-ipset-restore", "form-not-read"),
        ("refused-cut-json", "broken-json"),
        ("refused-cut-lines", "broken-json"),
        ("refused-notice", "unrecognised"),
    ];
    for (name, expected) in cases {
        let error = parse(None, &bytes(name), &Options::default()).unwrap_err();
        assert_eq!(error.name(), expected, "{name}: {error}");
    }
    for (bytes, what) in [(&b"\x1f\x8b\x08"[..], "gzip"), (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"1\0", "NUL")]
    {
        let error = parse(None, bytes, &Options::default()).unwrap_err();
        assert!(matches!(error, FeedError::NotText(said) if said.contains(what)), "{error}");
    }
}

#[test]
fn a_named_form_is_not_another() {
    for (format, name) in [
        (Format::Stix, "rows.json"),
        (Format::MispEvent, "stix21.json"),
        (Format::ThreatfoxJson, "plain"),
        (Format::FeodoCsv, "drop.json"),
        (Format::CrowdsecJson, "feodo.json"),
    ] {
        let error = parse(Some(format), &bytes(name), &Options::default()).unwrap_err();
        assert_eq!(error.name(), "not-this-format", "{format} {name}: {error}");
    }
}

#[test]
fn what_a_feed_says_of_an_entry_is_kept() {
    let parsed = read("threatfox.csv");
    let [first, second, ..] = parsed.records.as_slice() else { panic!("five records") };
    let tags: Vec<&str> = first.tags.iter().map(|tag| &**tag).collect();
    assert_eq!((first.line, first.confidence, tags), (5, Some(75), vec!["Coinminer", "tag1", "tag2"]));
    assert_eq!(first.first_seen, Some(Time(1_767_323_045_000_000_000)));
    assert_eq!((first.last_seen, second.last_seen.is_some()), (None, true));
    let parsed = read("stix21.json");
    assert_eq!(parsed.records[0].expires, Some(Time(1_770_001_445_000_000_000)));
    assert_eq!(read("drop.txt").records[1].tags[0].as_ref(), "SBL2");
    assert!(read("bruteforceblocker").records[0].last_seen.is_some());
}

#[test]
fn decisions_end_when_their_duration_is_over() {
    let options = Options { now: Some(Time(0)), ..Options::default() };
    let parsed = parse(None, &bytes("crowdsec-stream.json"), &options).unwrap();
    assert_eq!(parsed.records[1].expires, Some(Time(3_600_000_000_000)));
}

#[test]
fn decisions_of_a_group_share_its_scope() {
    let json = br#"{"new":[{"scope":"ip","scenario":"ssh","decisions":[{"value":"192.0.2.1","duration":"1h"},{"value":"192.0.2.2"}]}],
        "deleted":[{"scope":"ip","decisions":["192.0.2.3","192.0.2.4"]}]}"#;
    assert_eq!(summary(&parse(None, json, &Options::default()).unwrap()), "ipv4 2; 2 skipped");
}

#[test]
fn the_first_column_with_a_name_for_values_is_theirs() {
    let csv = b"#domain,ioc,uri_path,ip\nc2.example.org,Possible C2,/x,192.0.2.1\n";
    assert_eq!(summary(&parse(None, csv, &Options::default()).unwrap()), "domain 1");
    let csv = b"phish_id,url,phish_detail_url,online\n1,http://192.0.2.1/,http://example.org/1,yes\n";
    assert_eq!(summary(&parse(None, csv, &Options::default()).unwrap()), "url 1");
}

#[test]
fn the_publishers_date_is_known() {
    assert_eq!(read("firehol.netset").published, Some(Time(1_783_425_442_000_000_000)));
    assert_eq!(read("drop.txt").published, Some(Time(1_767_323_045_000_000_000)));
    assert_eq!(read("feodo.csv").published, Some(Time(1_767_323_045_000_000_000)));
}

#[test]
fn end_marks_are_seen_and_missed() {
    assert_eq!(read("feodo.csv").ending, Ending::Marked);
    assert_eq!(read("feodo-old.csv").ending, Ending::Missing);
    assert_eq!(read("drop.json").ending, Ending::Marked);
    assert_eq!(read("urlhaus.csv").ending, Ending::Unmarked);
}

#[test]
fn columns_of_nobody_that_is_known_can_be_named() {
    let name = |name: &str| Some(Column::Name(name.into()));
    let columns = Columns {
        value: name("where"),
        port: name("p"),
        tags: vec![Column::Name("what".into())],
        ..Columns::default()
    };
    let options = Options { columns: Some(columns.clone()), ..Options::default() };
    let csv = b"n,where,p,what\n1,192.0.2.1,3333,miner\n2,pool.example.org,4444,\n";
    assert_eq!(summary(&parse(Some(Format::Csv), csv, &options).unwrap()), "ip4port 1, hostport 1");
    let json = br#"{"a":{"b":[{"where":"192.0.2.1","p":3333,"what":["miner"]}]}}"#;
    let columns = Columns { items: vec!["a".into(), "b".into()], ..columns };
    let options = Options { columns: Some(columns), ..Options::default() };
    let parsed = parse(Some(Format::Json), json, &options).unwrap();
    assert_eq!((summary(&parsed).as_str(), parsed.records[0].tags[0].as_ref()), ("ip4port 1", "miner"));
}

#[test]
fn a_row_may_run_over_lines_but_an_open_quote_costs_only_its_row() {
    let csv = b"ioc_value,ioc_type\n192.0.2.1,\"two\nlines\"\n192.0.2.2,\"open\n192.0.2.3,x\n192.0.2.4,y\n";
    let parsed = parse(None, csv, &Options::default()).unwrap();
    assert_eq!(summary(&parsed), "ipv4 3; 1 unparsed");
}

#[test]
fn limits_refuse_the_file() {
    let mut options = Options::default();
    options.limits.records = 3;
    assert_eq!(parse(None, &bytes("plain"), &options).unwrap_err().name(), "too-many-records");
    options.limits.line = 8;
    assert_eq!(parse(None, &bytes("plain"), &options).unwrap_err().name(), "line-too-long");
    options.limits.bytes = 8;
    assert_eq!(parse(None, &bytes("plain"), &options).unwrap_err().name(), "too-large");
    let deep = "[".repeat(100_000);
    assert_eq!(
        parse(None, format!("{{\"a\":{deep}").as_bytes(), &Options::default()).unwrap_err().name(),
        "broken-json"
    );
}

#[test]
fn the_manifest_names_files_that_are_safe_to_ask_for() {
    let events = crate::intel::feed::manifest(&bytes("misp-manifest.json")).unwrap();
    assert_eq!(&*events[0].uuid, "00000000-0000-4000-8000-000000000000");
    assert_eq!(events[0].sha256, Some([0xaa; 32]));
    assert!(crate::intel::feed::manifest(br#"{"../../etc/passwd":{"timestamp":"1"}}"#).is_err());
}

/// What a small file names, in its order.
fn named(text: &str) -> Vec<String> {
    let parsed =
        parse(None, text.as_bytes(), &Options::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    parsed.records.iter().map(|record| record.indicator.to_string()).collect()
}

#[test]
fn several_addresses_on_a_line_are_several_and_a_mask_is_a_prefix() {
    assert_eq!(named("192.0.2.1,192.0.2.2,192.0.2.3\n"), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(named("192.0.2.1 192.0.2.2 192.0.2.0/28\n"), ["192.0.2.1", "192.0.2.2", "192.0.2.0/28"]);
    assert_eq!(named("192.0.2.0 255.255.255.0\n"), ["192.0.2.0/24"]);
    assert_eq!(named("192.0.2.0/255.255.255.240\n"), ["192.0.2.0/28"]);
    // Two addresses, or all from one to the other: nobody knows.
    assert!(parse(None, b"192.0.2.1 192.0.2.9\n", &Options::default()).is_err());
}

#[test]
fn names_with_all_below_them_items_of_yaml_and_named_ranges_are_read() {
    assert_eq!(named("*.pool.example.org\n.drop.example.org\n"), ["pool.example.org", "drop.example.org"]);
    assert_eq!(named("- 192.0.2.1\n- pool.example.org\n"), ["192.0.2.1", "pool.example.org"]);
    assert_eq!(named("An organisation:192.0.2.0-192.0.2.255\n"), ["192.0.2.0/24"]);
}

#[test]
fn lines_end_as_on_any_system_and_a_mark_in_the_middle_is_none() {
    assert_eq!(named("192.0.2.1\r192.0.2.2\r\n192.0.2.3\n"), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(named("\u{feff}192.0.2.1\n\u{feff}192.0.2.2\n"), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn a_page_or_nuls_in_the_middle_of_a_list_refuse_it_whole() {
    let list = "192.0.2.1\n".repeat(2000);
    let page = format!("{list}  <HTML><head><title>503</title></head>\n{list}");
    assert_eq!(parse(None, page.as_bytes(), &Options::default()).unwrap_err(), FeedError::Html);
    let padded = format!("{list}\0\0\0");
    assert_eq!(parse(None, padded.as_bytes(), &Options::default()).unwrap_err().name(), "not-text");
}
