//! How every command that lists asks for its rows and writes them.

use client::{List, Listed, Page};
use serde::Serialize;

use crate::cli::Listing;
use crate::output::{Column, Output};

/// Asks for the rows that the flags say, in their order, and writes them in the form that was asked for.
pub(super) async fn run<T: Listed + Serialize>(
    list: List<'_, T>,
    asked: &Listing<T>,
    output: Output,
    columns: &[Column],
    row: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    is_empty(list, asked, output, columns, row).await.map(drop)
}

/// The same; answers whether no row was found. A file of CSV counts as one that has rows.
pub(super) async fn is_empty<T: Listed + Serialize>(
    list: List<'_, T>,
    asked: &Listing<T>,
    output: Output,
    columns: &[Column],
    row: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<bool> {
    let list = list.sorted(asked.sort.as_deref());
    if asked.csv {
        list.csv(|piece| output.bytes(piece)).await?;
        return Ok(false);
    }
    let page = match asked.all {
        true => Page {
            items: list.items().all().await?,
            next_cursor: None,
            prev_cursor: None,
            other: client::Other::new(),
        },
        false => list.page(Some(asked.limit), asked.cursor.as_deref()).await?,
    };
    output.list(&page, columns, page.items.iter().map(row))?;
    output.more(page.next_cursor.as_deref());
    Ok(page.items.is_empty())
}
