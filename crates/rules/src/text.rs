//! Lists of values that configuration writes as words: key kinds, name kinds, attributes, object identifiers.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Lists of anything with `Display` and `FromStr`, for `#[serde(with = "text::list")]`.
pub(crate) mod list {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Display>(items: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(items.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let words = Vec::<Cow<'de, str>>::deserialize(from)?;
        words
            .iter()
            .map(|word| word.parse().map_err(de::Error::custom))
            .collect()
    }
}

/// Attribute types of distinguished names: `CN`, `O`, or a dotted object identifier.
pub(crate) mod attributes {
    use x509::Oid;
    use x509::name::AttributeType;

    use super::*;

    pub(crate) fn serialize<S: Serializer>(types: &[Oid], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(types.iter().copied().map(label))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Oid>, D::Error> {
        let words = Vec::<Cow<'de, str>>::deserialize(from)?;
        words
            .iter()
            .map(|word| parse(word).map_err(de::Error::custom))
            .collect()
    }

    /// The short name, or the number where there is none.
    pub(crate) fn label(oid: Oid) -> String {
        AttributeType::of(oid).map_or_else(|| oid.to_string(), |known| known.name().to_owned())
    }

    pub(crate) fn parse(word: &str) -> Result<Oid, String> {
        AttributeType::named(word)
            .map(|known| known.oid())
            .or_else(|| word.parse().ok())
            .ok_or_else(|| {
                format!(
                    "{word:?} is not an attribute of a distinguished name; write CN, O, OU, C, … or a dotted OID"
                )
            })
    }
}

/// Object identifiers in dotted form.
pub(crate) mod oids {
    use x509::Oid;

    use super::*;

    pub(crate) fn serialize<S: Serializer>(oids: &[Oid], to: S) -> Result<S::Ok, S::Error> {
        list::serialize(oids, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Oid>, D::Error> {
        let words = Vec::<Cow<'de, str>>::deserialize(from)?;
        let parse = |word: &Cow<'de, str>| {
            word.parse().map_err(|_| {
                de::Error::custom(format!(
                    "{word:?} is not an object identifier such as 1.3.6.1.4.1.99999.1"
                ))
            })
        };
        words.iter().map(parse).collect()
    }
}

/// Key usages, as a list of their names.
pub(crate) mod key_usage {
    use x509::extension::KeyUsageFlags;

    use super::*;

    pub(crate) fn serialize<S: Serializer>(usages: &KeyUsageFlags, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(usages.names())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeyUsageFlags, D::Error> {
        let usages: Vec<KeyUsageFlags> = list::deserialize(from)?;
        Ok(usages
            .into_iter()
            .fold(KeyUsageFlags::default(), |all, usage| all | usage))
    }
}

/// Name constraints, as lists of subtrees in the text form of [`x509::extension::Subtree`].
pub(crate) mod name_constraints {
    use serde::Serialize;
    use x509::extension::{NameConstraints, Subtree};

    use super::*;

    #[derive(Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct Lists {
        /// Names may only be below one of these.
        #[serde(default, with = "list")]
        #[schemars(with = "Vec<String>")]
        permitted: Vec<Subtree>,
        /// No name may be below one of these.
        #[serde(default, with = "list")]
        #[schemars(with = "Vec<String>")]
        excluded: Vec<Subtree>,
    }

    pub(crate) fn serialize<S: Serializer>(constraints: &NameConstraints, to: S) -> Result<S::Ok, S::Error> {
        let NameConstraints { permitted, excluded } = constraints.clone();
        Lists { permitted, excluded }.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NameConstraints, D::Error> {
        let Lists { permitted, excluded } = Lists::deserialize(from)?;
        Ok(NameConstraints { permitted, excluded })
    }
}
