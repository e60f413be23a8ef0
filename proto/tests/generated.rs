//! The committed code and descriptor are what the schema says.
//!
//! `LIANGXIN_REGENERATE=1 cargo test -p proto` writes them anew.

#![expect(clippy::unwrap_used, reason = "a test ends at the first failure")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use prost_types::FileDescriptorSet;

const FILES: &[&str] = &[
    "schema/v1/options.proto",
    "schema/v1/values.proto",
    "ledger/v1/enums.proto",
    "ledger/v1/scope.proto",
    "ledger/v1/organisation.proto",
    "ledger/v1/party.proto",
    "ledger/v1/person.proto",
    "ledger/v1/training.proto",
    "ledger/v1/carrier.proto",
    "ledger/v1/seminar.proto",
    "ledger/v1/establishment.proto",
    "ledger/v1/standard.proto",
    "ledger/v1/funding.proto",
    "ledger/v1/platform.proto",
    "ledger/v1/lists.proto",
    "ledger/v1/nomination.proto",
    "ledger/v1/award.proto",
    "ledger/v1/figures.proto",
    "ledger/v1/docket.proto",
    "ledger/v1/across.proto",
    "store/v1/record.proto",
    "store/v1/certificate.proto",
    "store/v1/files.proto",
    "sync/v1/sync.proto",
    "sync/v1/bundle.proto",
    "sync/v1/proof.proto",
    "sync/v1/files.proto",
    "enrol/v1/enrol.proto",
    "admin/v1/admin.proto",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate(into: &Path) {
    let mut compiler = protox::Compiler::new([root()]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES).unwrap();
    let set: FileDescriptorSet = compiler.file_descriptor_set();
    let mut config = prost_build_config();
    config = config.out_dir(into);
    config.compile_fds(set).unwrap();
    let mut plain = protox::Compiler::new([root()]).unwrap();
    plain.include_imports(true);
    plain.open_files(FILES).unwrap();
    fs::write(
        into.join("descriptor.bin"),
        plain.encode_file_descriptor_set(),
    )
    .unwrap();
}

fn prost_build_config() -> tonic_prost_build::Builder {
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".liangxin.sync.v1.Batch")
        .client_mod_attribute(".", "#[cfg(feature = \"services\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"services\")]")
        .emit_rerun_if_changed(false)
}

#[test]
fn committed_code_is_what_the_schema_says() {
    let committed = root().join("src/gen");
    if std::env::var_os("LIANGXIN_REGENERATE").is_some() {
        for entry in fs::read_dir(&committed).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        generate(&committed);
        return;
    }
    let fresh = std::env::temp_dir().join(format!("liangxin-proto-{}", std::process::id()));
    fs::create_dir_all(&fresh).unwrap();
    generate(&fresh);
    let names = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&fresh),
        names(&committed),
        "the set of generated files"
    );
    for name in names(&fresh) {
        let (new, old) = (fs::read(fresh.join(&name)), fs::read(committed.join(&name)));
        assert!(
            new.unwrap() == old.unwrap(),
            "{name:?} is stale: LIANGXIN_REGENERATE=1 cargo test -p proto"
        );
    }
    fs::remove_dir_all(&fresh).unwrap();
}
