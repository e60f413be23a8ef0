//! Ids that come from what a record says: one fact, one id, on every desk.
//!
//! A derived id is a version-8 UUID of the first 16 bytes of BLAKE3 over the kind and the canonical
//! encoding of its key fields. A scope's comes from its code at creation and stays when the code
//! changes.

use replica::{Kind, RecordId, ScopeId};

use crate::{
    catalogue::{Catalogue, KindSpec},
    wire::{self, Item},
};

/// Says what is hashed, so that no other hash can be taken for an id.
const DOMAIN: &str = "liangxin derived record id v1";

/// The kinds whose ids other rules need before any record of them exists.
const SCOPE: &str = "scope";
const PROGRAMME_YEAR: &str = "programme_year";

/// The years that are looked for by their ids.
const YEARS: std::ops::Range<u32> = 2000..2100;

/// Returns the id that the key fields give, from the values of a record's registers. None when the
/// kind has no derived ids or a key field is unset.
#[must_use]
pub fn derive_id(kind: &KindSpec, values: &[u8]) -> Option<RecordId> {
    if !kind.derived_id {
        return None;
    }
    let chunks = wire::chunks(values).ok()?;
    let mut canonical = Vec::new();
    for field in kind.key_fields() {
        let items = wire::items(field, &chunks);
        if items.is_empty() {
            return None;
        }
        wire::put(field, &items, &mut canonical);
    }
    Some(hashed(kind.kind, &canonical))
}

fn hashed(kind: Kind, canonical: &[u8]) -> RecordId {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    hasher.update(&kind.0.to_be_bytes()).update(canonical);
    let hash = hasher.finalize();
    uuid_v8(hash.as_bytes())
}

/// Returns the first 16 bytes with the version and the variant of a version-8 UUID.
fn uuid_v8(hash: &[u8; 32]) -> RecordId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(hash.split_at(16).0);
    RecordId(
        uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .into_bytes(),
    )
}

/// Returns an id from the bytes that name a record for ever; `domain` says what they are.
pub(crate) fn hashed_id(domain: &str, bytes: &[u8]) -> RecordId {
    let mut hasher = blake3::Hasher::new_derive_key(domain);
    hasher.update(bytes);
    uuid_v8(hasher.finalize().as_bytes())
}

/// Returns an id from a text that names a record for ever, such as the demo's
/// `seed|scope|kind|index`.
#[must_use]
pub fn named_id(name: &str) -> RecordId {
    hashed_id("liangxin named record id v1", name.as_bytes())
}

/// Returns the id of the record of a scope, from its code at creation.
#[must_use]
pub fn scope_record_id(code: &str) -> RecordId {
    single(SCOPE, Item::Text(code.to_owned()))
}

/// Returns the id of a scope, from its code at creation: the id of its record.
#[must_use]
pub fn scope_id(code: &str) -> ScopeId {
    ScopeId(scope_record_id(code).0)
}

/// Returns the id of the record of a programme year.
#[must_use]
pub fn year_record_id(year: u32) -> RecordId {
    single(PROGRAMME_YEAR, Item::Number(u64::from(year)))
}

/// Returns the year of the record of a programme year: the one whose id it is.
#[must_use]
pub fn year_of_record(id: RecordId) -> Option<u32> {
    YEARS.into_iter().find(|year| year_record_id(*year) == id)
}

fn single(kind: &str, item: Item) -> RecordId {
    let spec = Catalogue::builtin().kind_by_id(kind);
    let derived = spec.and_then(|spec| single_id(spec, item));
    derived.expect("the schema's scopes and years have one key field")
}

/// Returns the id of a kind that one field names; none for other kinds.
pub(crate) fn single_id(kind: &KindSpec, item: Item) -> Option<RecordId> {
    let mut keys = kind.key_fields();
    let field = keys.next().filter(|_| kind.derived_id)?;
    if keys.next().is_some() {
        return None;
    }
    let mut canonical = Vec::new();
    wire::put(field, &[item], &mut canonical);
    Some(hashed(kind.kind, &canonical))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_never_change() {
        // Golden: another answer here orphans every record of every district.
        assert_eq!(scope_record_id("410305").to_string(), GOLDEN_SCOPE);
        assert_eq!(year_record_id(2020).to_string(), GOLDEN_YEAR);
        assert_eq!(year_of_record(year_record_id(2020)), Some(2020));
        assert_eq!(year_of_record(scope_record_id("410305")), None);
        assert_ne!(scope_id("410300"), scope_id("4103L0"));
    }

    const GOLDEN_SCOPE: &str = "70165d3a-1bfe-8a1f-8de2-f881291922a6";
    const GOLDEN_YEAR: &str = "ad38c8b2-32e3-8752-b3e3-8b18bc40dc06";

    #[test]
    fn the_id_of_a_link_comes_from_its_key_fields_alone() {
        use prost::Message as _;
        let kind = Catalogue::builtin().kind_by_id("coverage_link").unwrap();
        let mut link = proto::ledger::CoverageLink {
            organisation: Some(vec![1; 16]),
            party_organisation: Some(vec![2; 16]),
            from_on: Some("2020-06-18".to_owned()),
            ..Default::default()
        };
        let id = derive_id(kind, &link.encode_to_vec()).unwrap();
        assert_eq!((id.0[6] >> 4, id.0[8] >> 6), (8, 2), "a UUIDv8");
        link.to_on = Some("2021-01-01".to_owned());
        assert_eq!(derive_id(kind, &link.encode_to_vec()), Some(id));
        link.from_on = Some("2020-06-19".to_owned());
        assert_ne!(derive_id(kind, &link.encode_to_vec()), Some(id));
        link.from_on = None;
        assert_eq!(derive_id(kind, &link.encode_to_vec()), None);
        let plain = Catalogue::builtin().kind_by_id("organisation").unwrap();
        assert_eq!(derive_id(plain, &[]), None);
    }
}
