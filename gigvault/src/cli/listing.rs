//! What every command that lists takes.

use std::marker::PhantomData;

use clap::Args;
use clap::builder::PossibleValuesParser;
use client::Listed;

/// Which rows of a list, in which order and form. A command that lists flattens it, and hands it to `commands::listing`.
#[derive(Args)]
pub(crate) struct Listing<T: Listed> {
    /// The order; `-` before a column is from the last to the first.
    #[arg(
        long,
        value_name = "ORDER",
        allow_hyphen_values = true,
        value_parser = PossibleValuesParser::new(T::SORTS.iter().copied())
    )]
    pub(crate) sort: Option<String>,
    /// Most rows, 1 to 500.
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Go on where a page ended.
    // The server may begin it with a hyphen.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cursor: Option<String>,
    /// All rows, page by page.
    #[arg(long, conflicts_with_all = ["limit", "cursor"])]
    pub(crate) all: bool,
    /// All rows, as CSV.
    #[arg(long, conflicts_with_all = ["limit", "cursor", "all"])]
    pub(crate) csv: bool,
    #[arg(skip)]
    _of: PhantomData<T>,
}
