//! Text of a request, whichever way it came.

use kit::page::Limit;

use crate::error::Error;

/// Rows per page; without a number the usual ones.
pub(crate) fn limit(asked: Option<u32>) -> Result<Limit, Error> {
    let limit = asked.map_or(Ok(Limit::DEFAULT), Limit::try_from);
    limit.map_err(|error| Error::invalid("limit", error))
}
