//! What the API has, one file per resource: its wire form and its operations.

pub(crate) mod api_keys;
pub(crate) mod cas;
pub(crate) mod certificates;
pub(crate) mod config;
pub(crate) mod dry_run;
pub(crate) mod filter;
pub(crate) mod identity;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod part;
pub(crate) mod profiles;
pub(crate) mod status;

/// `limit` and `cursor` of one page.
fn paging(limit: Option<u32>, cursor: Option<&str>) -> crate::call::Pairs {
    let limit = limit.map(|limit| ("limit", limit.to_string()));
    let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
    limit.into_iter().chain(cursor).collect()
}
