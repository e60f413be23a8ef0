//! What the schema says about every record kind, read once from the descriptors with their
//! options.
//!
//! Nothing here names a kind: one that no Rust code has heard of is read, shown, merged and judged
//! like the others. What a descriptor set does not know stays unknown and is kept as bytes.

mod read;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use prost_reflect::MessageDescriptor;
use replica::{Kind, RegisterId};

pub use proto::schema::{Authority, Merge, Need, Sensitivity, Travel, Type};

use crate::state::Machine;

/// What is wrong with a descriptor set.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// It cannot be read.
    #[error("descriptor set is malformed")]
    Descriptor(#[source] prost_reflect::DescriptorError),
    /// It lacks the options of the schema.
    #[error("descriptor set lacks the schema options")]
    NoOptions,
    /// An option cannot be read.
    #[error("schema option is malformed")]
    Option {
        /// The message, field or value that carries it.
        of: String,
        /// The cause.
        #[source]
        source: prost::DecodeError,
    },
    /// Two kinds share a number.
    #[error("two kinds share a number")]
    Twice {
        /// The number.
        number: u32,
    },
}

/// The name of the register by which a record is deleted.
const DELETED: &str = "deleted";

/// All record kinds.
#[derive(Debug)]
pub struct Catalogue {
    /// Ascending by number.
    kinds: Vec<KindSpec>,
    by_id: BTreeMap<String, usize>,
}

/// One record kind.
#[derive(Debug)]
pub struct KindSpec {
    /// Its number, for ever.
    pub kind: Kind,
    /// Its name in commands and files: `party_organisation`.
    pub id: String,
    /// Its label in Chinese.
    pub zh: String,
    /// Its label in English.
    pub en: String,
    /// Who may write it, where a field does not say otherwise.
    pub authority: Authority,
    /// Which feed carries it.
    pub travel: Travel,
    /// Whether its id comes from its key fields.
    pub derived_id: bool,
    /// Ascending by number.
    pub fields: Vec<FieldSpec>,
    /// Ascending by id.
    pub registers: Vec<RegisterSpec>,
    /// The registers that only the hub writes, ascending.
    pub hub_registers: Vec<RegisterId>,
    /// The field that names the record whose scope this one shares: set once, so that nobody moves
    /// a record by editing it.
    pub parent: Option<u32>,
    /// The message.
    pub message: MessageDescriptor,
    by_id: BTreeMap<String, usize>,
}

/// One field of a kind.
#[derive(Debug)]
pub struct FieldSpec {
    /// Its number, for ever.
    pub number: u32,
    /// Its name: `full_members`.
    pub id: String,
    /// The register it belongs to.
    pub register: RegisterId,
    /// Its label in Chinese.
    pub zh: String,
    /// Its label in English.
    pub en: String,
    /// How its register is merged.
    pub merge: Merge,
    /// What its value looks like.
    pub value_type: Type,
    /// Whether a record is complete without it.
    pub need: Need,
    /// How careful one must be with it.
    pub sensitivity: Sensitivity,
    /// The id of the kind that it refers to; of steps, that of the field whose states they are.
    pub reference: Option<String>,
    /// Of steps: the states that they lead to.
    pub states: Option<Arc<EnumSpec>>,
    /// Other headings that offices put over the column.
    pub headings: Vec<String>,
    /// Whether it holds several items.
    pub repeated: bool,
    /// Its form on the wire.
    pub shape: Shape,
}

/// The form of a field on the wire.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// Bytes.
    Bytes,
    /// A value of an enumeration.
    Enumeration(Arc<EnumSpec>),
    /// A message.
    Message(MessageDescriptor),
    /// Anything else: kept and shown raw, never edited.
    Opaque,
}

/// One register of a kind: a field, or fields that only make sense together.
#[derive(Debug)]
pub struct RegisterSpec {
    /// The number of its first field.
    pub id: RegisterId,
    /// How it is merged.
    pub merge: Merge,
    /// Who may write it.
    pub authority: Authority,
    /// The numbers of its fields, ascending.
    pub fields: Vec<u32>,
    /// The field with the statement date, for [`Merge::LaterAsOf`].
    pub as_of: Option<u32>,
    /// The steps of its status, for [`Merge::State`]. Without a table no state reaches another.
    pub machine: Option<Arc<Machine>>,
}

/// An enumeration.
#[derive(Debug)]
pub struct EnumSpec {
    /// Its name: `census_status`.
    pub id: String,
    /// Its label in Chinese.
    pub zh: String,
    /// Its label in English.
    pub en: String,
    /// Ascending by number, without the unspecified one.
    pub values: Vec<ValueSpec>,
    by_spelling: BTreeMap<String, i32>,
}

/// One value of an enumeration.
#[derive(Debug)]
pub struct ValueSpec {
    /// Its number, for ever.
    pub number: i32,
    /// Its name: `counted`.
    pub id: String,
    /// Its label in Chinese.
    pub zh: String,
    /// Its label in English.
    pub en: String,
}

static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::load(proto::DESCRIPTORS).expect("the committed descriptor set is tested to load")
});

impl Catalogue {
    /// Reads a descriptor set.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(descriptors: &[u8]) -> Result<Self, CatalogueError> {
        let mut kinds = read::kinds(descriptors)?;
        kinds.sort_by_key(|spec| spec.kind);
        let mut seen = BTreeSet::new();
        for spec in &kinds {
            if !seen.insert(spec.kind) {
                return Err(CatalogueError::Twice {
                    number: spec.kind.0,
                });
            }
        }
        let by_id = kinds
            .iter()
            .enumerate()
            .map(|(at, spec)| (spec.id.clone(), at))
            .collect();
        Ok(Self { kinds, by_id })
    }

    /// The catalogue of the schema that this program was built with.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// All kinds, ascending by number.
    #[must_use]
    pub fn kinds(&self) -> &[KindSpec] {
        &self.kinds
    }

    /// The kind with this number.
    #[must_use]
    pub fn kind(&self, kind: Kind) -> Option<&KindSpec> {
        let at = self
            .kinds
            .binary_search_by_key(&kind, |spec| spec.kind)
            .ok()?;
        self.kinds.get(at)
    }

    /// The name of a kind; of one that is not known its number.
    #[must_use]
    pub fn kind_name(&self, kind: Kind) -> String {
        self.kind(kind)
            .map_or_else(|| kind.0.to_string(), |spec| spec.id.clone())
    }

    /// The kind with this name.
    #[must_use]
    pub fn kind_by_id(&self, id: &str) -> Option<&KindSpec> {
        self.kinds.get(*self.by_id.get(id)?)
    }

    /// A register of a kind.
    #[must_use]
    pub fn register(&self, kind: Kind, register: RegisterId) -> Option<&RegisterSpec> {
        self.kind(kind)?.register(register)
    }

    /// Who may write a register. What the schema does not know is the scope's own.
    #[must_use]
    pub fn authority(&self, kind: Kind, register: RegisterId) -> Authority {
        if register == RegisterId::OWNER {
            return Authority::Hub;
        }
        let Some(spec) = self.kind(kind) else {
            return Authority::Scope;
        };
        spec.register(register)
            .map_or(spec.authority, |register| register.authority)
    }
}

impl KindSpec {
    /// The field with this name.
    #[must_use]
    pub fn field(&self, id: &str) -> Option<&FieldSpec> {
        self.fields.get(*self.by_id.get(id)?)
    }

    /// The field with this number.
    #[must_use]
    pub fn field_by_number(&self, number: u32) -> Option<&FieldSpec> {
        let at = self
            .fields
            .binary_search_by_key(&number, |field| field.number)
            .ok()?;
        self.fields.get(at)
    }

    /// The register with this id.
    #[must_use]
    pub fn register(&self, id: RegisterId) -> Option<&RegisterSpec> {
        let at = self
            .registers
            .binary_search_by_key(&id, |register| register.id)
            .ok()?;
        self.registers.get(at)
    }

    /// The name of a register in commands and files: that of its first field.
    #[must_use]
    pub fn register_name(&self, id: RegisterId) -> String {
        if id == RegisterId::DELETED {
            return DELETED.to_owned();
        }
        let first = self
            .register(id)
            .and_then(|register| self.fields_of(register).next());
        first.map_or_else(|| id.0.to_string(), |field| field.id.clone())
    }

    /// The register with a name: that of any of its fields, or a number that no field has.
    #[must_use]
    pub fn register_named(&self, name: &str) -> Option<RegisterId> {
        if name == DELETED {
            return Some(RegisterId::DELETED);
        }
        let known = self.field(name).map(|field| field.register);
        known.or_else(|| name.parse().ok().map(RegisterId))
    }

    /// Whether the program writes a register along with others: what people see of it stands in those.
    #[must_use]
    pub fn is_written_along(&self, register: RegisterId) -> bool {
        let is_along = |it: &FieldSpec| matches!(it.value_type, Type::Steps | Type::Former);
        let mut fields = self.fields.iter();
        fields.any(|field| field.register == register && is_along(field))
    }

    /// The field that says which record this one was merged into, or is another spelling of: only the
    /// hub writes it, and it names a record of the same kind.
    #[must_use]
    pub fn alias(&self) -> Option<&FieldSpec> {
        let field = self
            .field("merged_into")
            .or_else(|| self.field("alias_of"))?;
        let is_own = field.reference.as_ref() == Some(&self.id);
        (field.merge == Merge::Owner && is_own && !field.repeated).then_some(field)
    }

    /// The field that names, once and for ever, the scope in which a record is made.
    #[must_use]
    pub fn scope_field(&self) -> Option<&FieldSpec> {
        self.field("scope").filter(|field| {
            field.need == Need::Required
                && matches!(field.merge, Merge::Key | Merge::Append)
                && field.reference.as_deref() == Some("scope")
        })
    }

    /// The fields of a register, ascending by number.
    pub fn fields_of<'a>(
        &'a self,
        register: &'a RegisterSpec,
    ) -> impl Iterator<Item = &'a FieldSpec> + Clone {
        register
            .fields
            .iter()
            .filter_map(|number| self.field_by_number(*number))
    }

    /// The fields that make a derived id: the key fields, or without any the first field, whose
    /// value at creation names the record for ever (a scope keeps its id when its code changes).
    pub fn key_fields(&self) -> impl Iterator<Item = &FieldSpec> {
        let none = !self.fields.iter().any(|field| field.merge == Merge::Key);
        let first = self.fields.first().map(|field| field.number);
        self.fields
            .iter()
            .filter(move |field| field.merge == Merge::Key || (none && Some(field.number) == first))
    }
}

impl FieldSpec {
    /// Whether its items are a set, kept sorted and each once. Messages of which the order tells
    /// something (the candidates of a decision) are a list.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.repeated && self.value_type != Type::Unspecified
    }

    /// The enumeration of its values.
    #[must_use]
    pub fn enumeration(&self) -> Option<&EnumSpec> {
        match &self.shape {
            Shape::Enumeration(spec) => Some(spec),
            _ => None,
        }
    }
}

impl EnumSpec {
    /// The value with this number.
    #[must_use]
    pub fn value(&self, number: i32) -> Option<&ValueSpec> {
        self.values.iter().find(|value| value.number == number)
    }

    /// The number of the value with this name.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<i32> {
        self.values
            .iter()
            .find(|value| value.id == id)
            .map(|value| value.number)
    }

    /// The number of the value that somebody wrote: its name, a label, or another spelling, whatever
    /// the width, the case and the spaces.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<i32> {
        self.by_spelling.get(&crate::text::loose(text)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_read_whole() {
        let catalogue = Catalogue::builtin();
        assert_eq!(
            catalogue.kinds().len(),
            49,
            "46 of the programme, 3 of the conflicts"
        );
        let organisation = catalogue.kind_by_id("organisation").unwrap();
        assert_eq!(organisation.kind, Kind(5));
        assert_eq!(organisation.fields.len(), 36);
        let figures = organisation.register(RegisterId(20)).unwrap();
        assert_eq!(figures.fields, [20, 21, 22, 23, 24, 25]);
        assert_eq!((figures.merge, figures.as_of), (Merge::LaterAsOf, Some(25)));
        let status = organisation
            .field("census_status")
            .unwrap()
            .enumeration()
            .unwrap();
        assert_eq!(status.read(" 在册 "), status.number("counted"));
        let kind = organisation
            .field("org_kind")
            .unwrap()
            .enumeration()
            .unwrap();
        assert_eq!(
            kind.read("民办非企业单位（社会服务机构）"),
            kind.number("private_non_enterprise")
        );
        assert_eq!(kind.read("不知道"), None);
    }

    #[test]
    fn only_a_field_that_is_set_once_names_a_parent() {
        let parents: Vec<_> = Catalogue::builtin()
            .kinds()
            .iter()
            .filter_map(|kind| {
                let field = kind.field_by_number(kind.parent?)?;
                assert!(
                    matches!(field.merge, Merge::Key | Merge::Append),
                    "{}",
                    kind.id
                );
                Some((kind.id.as_str(), field.id.as_str()))
            })
            .collect();
        assert_eq!(
            parents,
            [
                ("coverage_link", "organisation"),
                ("establishment_case", "organisation"),
                ("role_assignment", "subject"),
                ("instructor_assignment", "organisation"),
                ("instructor_visit", "assignment"),
                ("carrier", "party_organisation"),
                ("carrier_activity", "carrier"),
                ("standard_check", "subject"),
                ("platform", "cluster"),
                ("platform_member", "platform"),
                ("service_centre", "platform"),
                ("platform_meeting", "platform"),
                ("service_claim", "platform"),
                ("criterion_score", "nomination"),
                ("acceptance_visit", "nomination"),
                ("acceptance_verdict", "nomination"),
                ("demonstration_point", "party_organisation"),
                ("change_request", "record"),
                ("decision", "record"),
                ("docket_note", "record"),
                ("proposal", "record"),
            ]
        );
        let organisation = Catalogue::builtin().kind_by_id("organisation").unwrap();
        assert_eq!(organisation.alias().map(|field| field.number), Some(32));
        let agency = Catalogue::builtin().kind_by_id("agency").unwrap();
        assert_eq!(agency.alias().map(|field| field.number), Some(6));
        let scope = Catalogue::builtin().kind_by_id("scope").unwrap();
        assert!(scope.alias().is_none());
    }

    #[test]
    fn registers_have_the_name_of_their_first_field() {
        let kind = Catalogue::builtin().kind_by_id("organisation").unwrap();
        assert_eq!(kind.register_name(RegisterId(20)), "employees");
        assert_eq!(kind.register_named("as_of"), Some(RegisterId(20)));
        for id in [RegisterId(1), RegisterId(99), RegisterId::DELETED] {
            assert_eq!(kind.register_named(&kind.register_name(id)), Some(id));
        }
        assert_eq!(kind.register_named("nonsense"), None);
    }

    #[test]
    fn authority_is_that_of_the_field_else_of_the_kind() {
        let catalogue = Catalogue::builtin();
        assert_eq!(
            catalogue.authority(Kind(5), RegisterId(2)),
            Authority::Scope
        );
        assert_eq!(
            catalogue.authority(Kind(5), RegisterId(32)),
            Authority::Hub,
            "merged_into"
        );
        assert_eq!(catalogue.authority(Kind(2), RegisterId(1)), Authority::Hub);
        assert_eq!(
            catalogue.authority(Kind(2), RegisterId(99)),
            Authority::Hub,
            "a later field"
        );
        assert_eq!(
            catalogue.authority(Kind(999), RegisterId(1)),
            Authority::Scope
        );
        assert_eq!(
            catalogue.authority(Kind(5), RegisterId::OWNER),
            Authority::Hub
        );
        assert_eq!(
            catalogue.authority(Kind(5), RegisterId::DELETED),
            Authority::Scope
        );
    }

    #[test]
    fn every_field_has_labels_a_rule_and_a_type_that_is_known() {
        for kind in Catalogue::builtin().kinds() {
            assert!(!kind.zh.is_empty() && !kind.en.is_empty(), "{}", kind.id);
            for field in &kind.fields {
                let of = format!("{}.{}", kind.id, field.id);
                assert!(!field.zh.is_empty() && !field.en.is_empty(), "{of}");
                assert_ne!(field.merge, Merge::Unspecified, "{of}");
                assert!(!matches!(field.shape, Shape::Opaque), "{of}");
                if let Some(values) = field.enumeration() {
                    assert!(
                        values
                            .values
                            .iter()
                            .all(|v| !v.zh.is_empty() && !v.en.is_empty()),
                        "{of}"
                    );
                }
            }
        }
    }
}
