//! The profiles of an installation, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Profile, ProfileError};
use crate::builtin;

/// Valid profiles with distinct names.
#[derive(Debug, Clone)]
pub struct Profiles {
    by_name: BTreeMap<String, Arc<Profile>>,
}

impl Profiles {
    /// The built-in profiles, and configured ones. A configured profile replaces the built-in one of its name.
    ///
    /// # Errors
    /// A configured profile that contradicts itself, and a name that is configured twice.
    pub fn with_configured(configured: Vec<Profile>) -> Result<Self, ProfileError> {
        let mut added = BTreeMap::new();
        for profile in configured {
            profile.validate()?;
            let name = profile.name.clone();
            if added.insert(name.clone(), Arc::new(profile)).is_some() {
                return Err(ProfileError {
                    profile: name,
                    problem: "is configured twice; give one of them another name".into(),
                });
            }
        }
        let mut by_name: BTreeMap<_, _> = builtin()
            .into_iter()
            .map(|profile| (profile.name.clone(), Arc::new(profile)))
            .collect();
        by_name.extend(added);
        Ok(Self { by_name })
    }

    /// The profile of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<Profile>> {
        self.by_name.get(name)
    }

    /// All profiles, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.by_name.values()
    }

    /// The names, in order: for messages about an unknown one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

impl Default for Profiles {
    /// The built-in profiles.
    fn default() -> Self {
        Self {
            by_name: builtin()
                .into_iter()
                .map(|profile| (profile.name.clone(), Arc::new(profile)))
                .collect(),
        }
    }
}
