//! The committed prost types are those of `proto/seccheck.proto`.
//!
//! They are committed so that no user of the library builds a protobuf compiler. `SLUICEBOX_BLESS=1` rewrites them.
#![expect(clippy::disallowed_methods, reason = "a test reads and writes files")]

const GENERATED: &str = "src/wire/oracle/generated.rs";

const HEAD: &str = "// Generated from proto/seccheck.proto by tests/generated.rs; do not edit.\n\n";

fn generate() -> String {
    let files = protox::compile(["seccheck.proto"], ["proto"]).expect("the schema is valid");
    let requests = files
        .file
        .into_iter()
        .map(|file| (prost_build::Module::from_protobuf_package_name(file.package()), file))
        .collect();
    let modules = prost_build::Config::new().generate(requests).expect("the schema makes code");
    let code: Vec<String> = modules.into_values().collect();
    assert_eq!(code.len(), 1, "one package, one module");
    format!("{HEAD}{}", code.concat())
}

#[test]
fn the_committed_types_are_those_of_the_schema() {
    let wanted = generate();
    if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(GENERATED, &wanted).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(GENERATED).expect("the file is committed");
    assert!(committed == wanted, "{GENERATED} is out of date: run with SLUICEBOX_BLESS=1");
}
