//! The authority in its folder, and what it issues.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use link::{
    Authority, AuthorityError, CERTIFICATE_FILE, KEY_FILE, NodeId, PrivateKey, SealError, Serial,
    key_state,
};
use webpki::{BorrowedCertRevocationList, CertRevocationList};

use crate::world::{DAY_MS, HUB, NOW_MS};

#[test]
fn a_plain_authority_loads_and_its_key_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let made = Authority::create(folder.path(), HUB, NOW_MS, None).unwrap();
    let loaded = Authority::load(folder.path(), None).unwrap();
    assert_eq!(loaded.print(), made.print());
    assert_eq!(loaded.hub(), HUB);
    let state = key_state(folder.path()).unwrap();
    assert!(!state.sealed && state.private);
    let again = Authority::create(folder.path(), HUB, NOW_MS, None);
    assert!(matches!(again, Err(AuthorityError::Exists { .. })));
}

#[test]
fn a_sealed_authority_needs_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    Authority::create(folder.path(), HUB, NOW_MS, Some("open sesame")).unwrap();
    let stored = fs::read(folder.path().join(KEY_FILE)).unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("PRIVATE KEY"));
    assert!(key_state(folder.path()).unwrap().sealed);
    let missing = Authority::load(folder.path(), None).unwrap_err();
    assert!(matches!(missing, AuthorityError::PassphraseNeeded));
    let wrong = Authority::load(folder.path(), Some("open barley")).unwrap_err();
    assert!(matches!(
        wrong,
        AuthorityError::Seal(SealError::WrongPassphrase)
    ));
    let authority = Authority::load(folder.path(), Some("open sesame")).unwrap();
    // And another one from now on.
    authority.store(folder.path(), Some("open barley")).unwrap();
    Authority::load(folder.path(), Some("open barley")).unwrap();
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    Authority::create(folder.path(), HUB, NOW_MS, None).unwrap();
    let path = folder.path().join(KEY_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = Authority::load(folder.path(), None).unwrap_err();
    assert!(matches!(exposed, AuthorityError::KeyExposed { .. }));
    assert!(!key_state(folder.path()).unwrap().private);
}

#[test]
fn damaged_and_mixed_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let missing = Authority::load(folder.path(), None).unwrap_err();
    assert_eq!(missing.code(), "LINK-040");
    Authority::create(folder.path(), HUB, NOW_MS, None).unwrap();
    Authority::create(other.path(), HUB, NOW_MS, None).unwrap();
    let own = folder.path().join(CERTIFICATE_FILE);
    fs::copy(other.path().join(CERTIFICATE_FILE), &own).unwrap();
    let mixed = Authority::load(folder.path(), None).unwrap_err();
    assert!(matches!(mixed, AuthorityError::Unusable));
    fs::write(&own, b"rubbish").unwrap();
    let damaged = Authority::load(folder.path(), None).unwrap_err();
    assert!(matches!(damaged, AuthorityError::Unusable));
}

#[test]
fn der_files_are_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let made = Authority::create(folder.path(), HUB, NOW_MS, None).unwrap();
    let path = folder.path().join(CERTIFICATE_FILE);
    fs::write(path, made.certificate().as_ref()).unwrap();
    let loaded = Authority::load(folder.path(), None).unwrap();
    assert_eq!(loaded.print(), made.print());
}

#[test]
fn nothing_is_issued_by_a_clock_outside_the_authoritys_life() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let csr = PrivateKey::generate().unwrap().request().unwrap();
    for wall_ms in [0, NOW_MS - DAY_MS, NOW_MS + 11 * 365 * DAY_MS, u64::MAX] {
        let node = authority.issue_node(&csr, NodeId([1; 16]), wall_ms);
        assert!(matches!(node, Err(AuthorityError::Clock { .. })));
        let server = authority.issue_server(&[], wall_ms);
        assert!(matches!(server, Err(AuthorityError::Clock { .. })));
    }
    // Near the end, a certificate ends with its authority.
    let late_ms = authority.not_after_ms() - DAY_MS;
    let (_, facts) = authority
        .issue_node(&csr, NodeId([1; 16]), late_ms)
        .unwrap();
    assert_eq!(facts.not_after_ms, authority.not_after_ms());
}

#[test]
fn the_revocation_list_names_what_was_revoked_and_is_signed() {
    let authority = Authority::generate(HUB, NOW_MS).unwrap();
    let csr = PrivateKey::generate().unwrap().request().unwrap();
    let issue = |number| {
        authority
            .issue_node(&csr, NodeId([number; 16]), NOW_MS)
            .unwrap()
    };
    let (revoked, kept) = (issue(1).1, issue(2).1);
    let list = authority
        .revocation_list(&[(revoked.serial.clone(), NOW_MS)], 7, NOW_MS)
        .unwrap();
    let list = CertRevocationList::from(BorrowedCertRevocationList::from_der(&list).unwrap());
    let find = |serial: &Serial| list.find_serial(serial.as_bytes()).unwrap();
    assert!(find(&revoked.serial).is_some());
    assert!(find(&kept.serial).is_none());
}
