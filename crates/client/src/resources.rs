//! What the API has, one file per resource: its wire form and its operations.

pub(crate) mod api_keys;
pub(crate) mod cas;
pub(crate) mod certificates;
pub(crate) mod config;
pub(crate) mod crls;
pub(crate) mod dry_run;
pub(crate) mod filter;
pub(crate) mod identity;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod part;
pub(crate) mod profiles;
pub(crate) mod status;

/// Members of an answer that this version does not know. They are kept, so that whoever shows an answer shows the whole of it.
pub type Other = serde_json::Map<String, serde_json::Value>;
