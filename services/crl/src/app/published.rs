//! What is out, as a directory has it: for each issuer generation its certificate and lists, and below that one entry for each of
//! its shards.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use kit::error::chain;
use ldap::{Content, Octets, Published, Stored, Unavailable};

use super::App;
use crate::domain::{Kind, Publication, Scope};
use crate::error::Error;
use crate::tables::{issuers, publications};

impl App {
    /// What is out of every issuer whose certificate is known, whoever signs its lists. The octets of lists are not read yet.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn published(&self) -> Result<Vec<Arc<Published>>, Error> {
        // Issuers first: a list that is found has its issuer, unless it is newer than both, and then it is found by the next search.
        // What cannot be read has no entry; whoever makes the lists says so.
        let issuers = issuers::all(&self.db).await?.read;
        let (lists, _damaged) = publications::all_current(&self.db).await?;
        let mut published = Vec::new();
        for issuer in &issuers {
            let mut whole = Published::new(issuer.certificate.subject());
            let certificate = Bytes::copy_from_slice(issuer.certificate.der());
            whole.certificates.push(certificate.into());
            // By scope: shard 0, which is in the entry of the issuer itself, comes first.
            let mut entries = BTreeMap::from([(0, whole.clone())]);
            for ((scope, kind), list) in lists.iter().filter(|((scope, _), _)| scope.issuer == issuer.name) {
                let entry = match entries.entry(scope.shard) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(below(&whole, scope)?),
                };
                let lists = match kind {
                    Kind::Complete => &mut entry.complete,
                    Kind::Delta => &mut entry.deltas,
                };
                let length = usize::try_from(list.length).unwrap_or(usize::MAX);
                let (app, list) = (self.clone(), list.clone());
                lists.push(Content::stored(length, ListContent { app, list }));
            }
            published.extend(entries.into_values().map(Arc::new));
        }
        Ok(published)
    }
}

/// The entry of a shard, called as the path of its list is: `CN=issuing.2/3` below the entry of the issuer. Of two generations with
/// one subject, each has its own.
fn below(issuer: &Published, scope: &Scope) -> Result<Published, Error> {
    issuer
        .shard(&scope.to_string())
        .map_err(|error| Error::internal(format!("entry of {scope}: {error}")))
}

/// A list whose octets are read when they are sent: from the memory that HTTP answers it from, or piece by piece.
struct ListContent {
    app: App,
    list: Publication,
}

impl Stored for ListContent {
    fn id(&self) -> u128 {
        self.list.id.as_u128()
    }

    fn read(&self) -> Octets {
        let (app, list) = (self.app.clone(), self.list.clone());
        let octets = async move {
            let content = app.content(&list).await?;
            let octets = content.part(0..list.length).map_err(Error::from);
            Ok::<_, Error>(octets)
        };
        let octets = stream::once(octets).try_flatten();
        octets
            .map_err(|error| {
                tracing::warn!(cause = chain(&error), "CRL could not be read for a directory");
                Unavailable
            })
            .boxed()
    }
}
