//! Reading the options of a descriptor set.

use std::{collections::BTreeMap, sync::Arc};

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, ExtensionDescriptor, FieldDescriptor,
    Kind as WireKind, MessageDescriptor,
};
use proto::schema::{self, Authority, Merge, Need, Sensitivity, Travel, Type};
use replica::{Kind, RegisterId};

use super::{CatalogueError, EnumSpec, FieldSpec, KindSpec, RegisterSpec, Shape, ValueSpec};
use crate::state::Machine;

/// The options, by what they stand on.
struct Options {
    kind: ExtensionDescriptor,
    field: ExtensionDescriptor,
    enumeration: ExtensionDescriptor,
    value: ExtensionDescriptor,
    enums: BTreeMap<String, Arc<EnumSpec>>,
}

pub(super) fn kinds(descriptors: &[u8]) -> Result<Vec<KindSpec>, CatalogueError> {
    let pool = DescriptorPool::decode(descriptors).map_err(CatalogueError::Descriptor)?;
    let extension = |name: &str| {
        let name = format!("liangxin.schema.v1.{name}");
        pool.get_extension_by_name(&name)
            .ok_or(CatalogueError::NoOptions)
    };
    let mut options = Options {
        kind: extension("kind")?,
        field: extension("field")?,
        enumeration: extension("enumeration")?,
        value: extension("value")?,
        enums: BTreeMap::new(),
    };
    let mut kinds = Vec::new();
    for message in pool.all_messages() {
        let of = message.full_name();
        let kind: Option<schema::Kind> = option(&message.options(), &options.kind, of)?;
        if let Some(kind) = kind.filter(|kind| kind.number > 0) {
            kinds.push(read_kind(&message, kind, &mut options)?);
        }
    }
    Ok(kinds)
}

/// Reads an option, which reflection knows and the generated descriptor types drop.
fn option<T: prost::Message + Default>(
    options: &DynamicMessage,
    extension: &ExtensionDescriptor,
    of: &str,
) -> Result<Option<T>, CatalogueError> {
    if !options.has_extension(extension) {
        return Ok(None);
    }
    let value = options.get_extension(extension);
    let Some(message) = value.as_message() else {
        return Ok(None);
    };
    let wrap = |source| CatalogueError::Option {
        of: of.to_owned(),
        source,
    };
    message.transcode_to().map(Some).map_err(wrap)
}

fn read_kind(
    message: &MessageDescriptor,
    kind: schema::Kind,
    options: &mut Options,
) -> Result<KindSpec, CatalogueError> {
    let authority = match kind.authority() {
        Authority::Unspecified => Authority::Scope,
        other => other,
    };
    let mut fields = Vec::new();
    let mut parent = None;
    let mut registers: BTreeMap<RegisterId, RegisterSpec> = BTreeMap::new();
    for descriptor in message.fields() {
        let of = descriptor.full_name();
        let spec: schema::Field =
            option(&descriptor.options(), &options.field, of)?.unwrap_or_default();
        let field = read_field(&descriptor, &spec, options)?;
        let register = registers
            .entry(field.register)
            .or_insert_with(|| RegisterSpec {
                id: field.register,
                merge: field.merge,
                authority,
                fields: Vec::new(),
                as_of: None,
                machine: None,
            });
        register.fields.push(field.number);
        match spec.authority() {
            // Only the hub can break a rule that says only the hub writes it.
            _ if field.merge == Merge::Owner => register.authority = Authority::Hub,
            Authority::Unspecified => {}
            other => register.authority = other,
        }
        let is_set_once = matches!(field.merge, Merge::Key | Merge::Append) && !field.repeated;
        if spec.parent && is_set_once {
            parent.get_or_insert(field.number);
        }
        if field.merge == Merge::LaterAsOf && field.value_type == Type::Date {
            register.as_of = Some(field.number);
        }
        register.machine = register.machine.take().or_else(|| machine(&field));
        fields.push(field);
    }
    fields.sort_by_key(|field| field.number);
    name_states(&mut fields);
    for register in registers.values_mut() {
        register.fields.sort_unstable();
    }
    let by_id = fields
        .iter()
        .enumerate()
        .map(|(at, field)| (field.id.clone(), at))
        .collect();
    let hubs = registers
        .values()
        .filter(|register| register.authority == Authority::Hub);
    Ok(KindSpec {
        hub_registers: hubs.map(|register| register.id).collect(),
        kind: Kind(kind.number),
        id: snake_case(message.name()),
        travel: match kind.travel() {
            Travel::Unspecified => Travel::Scope,
            other => other,
        },
        zh: kind.zh,
        en: kind.en,
        authority,
        derived_id: kind.derived_id,
        fields,
        parent,
        registers: registers.into_values().collect(),
        message: message.clone(),
        by_id,
    })
}

/// Steps have the states of the field that they are steps of.
fn name_states(fields: &mut [FieldSpec]) {
    let named = |of: &FieldSpec| {
        let state = fields
            .iter()
            .find(|it| of.reference.as_ref() == Some(&it.id))?;
        match &state.shape {
            Shape::Enumeration(states) => Some(Arc::clone(states)),
            _ => None,
        }
    };
    let of_steps = fields.iter().map(|field| match field.value_type {
        Type::Steps => named(field),
        _ => None,
    });
    let states: Vec<_> = of_steps.collect();
    for (field, states) in fields.iter_mut().zip(states) {
        field.states = states;
    }
}

/// The table of a status; the hub's own have one, too.
fn machine(field: &FieldSpec) -> Option<Arc<Machine>> {
    matches!(field.merge, Merge::State | Merge::Owner)
        .then(|| field.enumeration().and_then(Machine::of))
        .flatten()
        .map(Arc::new)
}

fn read_field(
    descriptor: &FieldDescriptor,
    spec: &schema::Field,
    options: &mut Options,
) -> Result<FieldSpec, CatalogueError> {
    let number = descriptor.number();
    let shape = match descriptor.kind() {
        _ if descriptor.is_map() => Shape::Opaque,
        WireKind::String => Shape::Text,
        WireKind::Bool => Shape::Flag,
        WireKind::Bytes => Shape::Bytes,
        WireKind::Uint32 | WireKind::Uint64 | WireKind::Int32 | WireKind::Int64 => Shape::Number,
        WireKind::Enum(values) => Shape::Enumeration(enumeration(&values, options)?),
        WireKind::Message(message) if !descriptor.is_group() => Shape::Message(message),
        _ => Shape::Opaque,
    };
    Ok(FieldSpec {
        number,
        id: descriptor.name().to_owned(),
        register: RegisterId(if spec.register == 0 {
            number
        } else {
            spec.register
        }),
        zh: spec.zh.clone(),
        en: spec.en.clone(),
        merge: match spec.merge() {
            Merge::Unspecified => Merge::Ask,
            other => other,
        },
        value_type: spec.r#type(),
        need: match spec.need() {
            Need::Unspecified => Need::Optional,
            other => other,
        },
        sensitivity: Sensitivity::try_from(spec.sensitivity).unwrap_or_default(),
        reference: (!spec.reference.is_empty()).then(|| spec.reference.clone()),
        states: None,
        headings: spec.headings.clone(),
        repeated: descriptor.is_list(),
        shape,
    })
}

fn enumeration(
    descriptor: &EnumDescriptor,
    options: &mut Options,
) -> Result<Arc<EnumSpec>, CatalogueError> {
    let of = descriptor.full_name();
    if let Some(known) = options.enums.get(of) {
        return Ok(Arc::clone(known));
    }
    let labels: schema::Enumeration =
        option(&descriptor.options(), &options.enumeration, of)?.unwrap_or_default();
    let id = snake_case(descriptor.name());
    let prefix = format!("{}_", id.to_uppercase());
    let mut values = Vec::new();
    let mut by_spelling = BTreeMap::new();
    let mut spellings = Vec::new();
    for value in descriptor.values().filter(|value| value.number() != 0) {
        let spec: schema::Value =
            option(&value.options(), &options.value, value.full_name())?.unwrap_or_default();
        let name = value.name();
        let id = name.strip_prefix(&prefix).unwrap_or(name).to_lowercase();
        let number = value.number();
        for text in [&id, &spec.zh, &spec.en] {
            by_spelling
                .entry(crate::text::loose(text))
                .or_insert(number);
        }
        spellings.extend(
            spec.spellings
                .into_iter()
                .map(|text| (text, value.number())),
        );
        values.push(ValueSpec {
            number: value.number(),
            id,
            zh: spec.zh,
            en: spec.en,
        });
    }
    // A name or a label of one value wins over another spelling of a different one.
    for (text, number) in spellings {
        by_spelling
            .entry(crate::text::loose(&text))
            .or_insert(number);
    }
    by_spelling.remove("");
    values.sort_by_key(|value| value.number);
    let spec = Arc::new(EnumSpec {
        id,
        zh: labels.zh,
        en: labels.en,
        values,
        by_spelling,
    });
    options.enums.insert(of.to_owned(), Arc::clone(&spec));
    Ok(spec)
}

/// `PartyOrganisation` → `party_organisation`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
