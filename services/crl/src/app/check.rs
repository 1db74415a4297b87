//! Look at what is out, as a relying party does: signature, number, times, and whether it lists what the database has.

use store::StoreError;
use x509::asn1::{Reader, bit_octets, tag};
use x509::crl::{TbsCertListReader, TbsCertListSummary};
use x509::signature::{Identified, StreamVerifier};

use super::App;
use crate::domain::due::ScopeState;
use crate::domain::{Issuer, Kind, Publication, Scope};
use crate::error::Error;
use crate::tables::{entries, issuers, pieces, scopes};

impl App {
    /// What is wrong with the list of that scope that is out; `None` if nothing is. A list is read piece by piece, whatever its size.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn examine(&self, list: &Publication) -> Result<Option<String>, Error> {
        match self.read_all(list).await {
            // The others are looked at all the same.
            Err(error) if error.is_of_content() => Ok(Some(error.to_string())),
            Err(error) => Err(error.into()),
            Ok(Err(problem)) => Ok(Some(problem)),
            Ok(Ok(seen)) => Ok(differs(&seen, list).map(str::to_owned)),
        }
    }

    async fn read_all(&self, list: &Publication) -> Result<Result<TbsCertListSummary, String>, StoreError> {
        let Some(issuer) = issuers::find(&self.db, &list.scope.issuer).await? else {
            return Ok(Err("its issuer is not known".to_owned()));
        };
        let mut examined = Examined::new(&issuer);
        let mut after = -1;
        while let Some((ordinal, piece)) = pieces::next(&self.db, list.id, after).await? {
            examined.push(piece);
            after = ordinal;
        }
        Ok(examined.finish())
    }

    /// The same of every list, and of complete ones whether they have as many entries as the database, where nothing has changed since.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn examine_all(&self) -> Result<Vec<(Scope, Kind, String)>, Error> {
        let mut wrong = Vec::new();
        for scope_state in self.state().await?.scopes {
            for kind in [Kind::Complete, Kind::Delta] {
                let Some(list) = scope_state.current(kind) else {
                    continue;
                };
                let found = match self.examine(list).await? {
                    // It was replaced while it was read.
                    Some(_) if self.current(&list.scope, kind).await? != *list => None,
                    None if kind == Kind::Complete => self.count_differs(&scope_state, list).await?,
                    found => found,
                };
                wrong.extend(found.map(|problem| (list.scope.clone(), kind, problem)));
            }
        }
        Ok(wrong)
    }

    /// Has the lists of a scope made again at once, by the process that makes them.
    ///
    /// # Errors
    /// `Common::Store`.
    pub(crate) async fn make_again(&self, scope: &Scope) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        // A change of nothing, which is urgent.
        scopes::next_change(&mut tx, scope, true).await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    pub(super) async fn count_differs(
        &self,
        scope_state: &ScopeState,
        list: &Publication,
    ) -> Result<Option<String>, Error> {
        if list.change != scope_state.changes {
            return Ok(None);
        }
        let counted = entries::count(&self.db, &list.scope, list.from).await?;
        Ok((counted != list.entries)
            .then(|| format!("it has {} entries, and the database {counted}", list.entries)))
    }
}

fn differs(seen: &TbsCertListSummary, list: &Publication) -> Option<&'static str> {
    let differences = [
        (
            seen.extensions.number() != Some(list.number),
            "its number is not the one that was published",
        ),
        (
            seen.extensions.base_number() != list.base,
            "its base is not the one that was published",
        ),
        (
            seen.entries != list.entries,
            "it does not have the entries that were published",
        ),
        (
            seen.header.this_update != list.this_update,
            "its thisUpdate is not the one that was published",
        ),
        (
            seen.header.next_update != Some(list.next_update),
            "its nextUpdate is not the one that was published",
        ),
    ];
    differences
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
}

/// A signed list that streams by in the pieces in which it was stored: what is before the TBSCertList, that, and what is behind it.
struct Examined<'a> {
    issuer: &'a Issuer,
    reader: Result<TbsCertListReader, String>,
    verifier: Option<StreamVerifier>,
    /// Read when it is known whether another follows.
    last: Option<Vec<u8>>,
    begun: bool,
}

impl<'a> Examined<'a> {
    fn new(issuer: &'a Issuer) -> Self {
        let algorithm = issuer.certificate.public_key().ok().map(|key| key.algorithm());
        let algorithm = algorithm.map(x509::SignatureAlgorithm::default_for);
        Self {
            issuer,
            reader: Ok(TbsCertListReader::new()),
            verifier: algorithm.map(StreamVerifier::new),
            last: None,
            begun: false,
        }
    }

    fn push(&mut self, piece: Vec<u8>) {
        let Some(before) = self.last.replace(piece) else {
            return;
        };
        // The first is tag and length of the whole.
        if std::mem::replace(&mut self.begun, true) {
            self.read(&before);
        }
    }

    fn read(&mut self, octets: &[u8]) {
        if let Some(verifier) = &mut self.verifier {
            verifier.push(octets);
        }
        if let Ok(reader) = &mut self.reader
            && let Err(error) = reader.push(octets)
        {
            self.reader = Err(error.to_string());
        }
    }

    fn finish(self) -> Result<TbsCertListSummary, String> {
        let seen = self.reader?.finish().map_err(|error| error.to_string())?;
        let after = self.last.unwrap_or_default();
        let mut parts = Reader::new(&after);
        let algorithm = parts.any().map_err(|error| error.to_string())?;
        let algorithm = Identified::from_der(algorithm.whole).map_err(|error| error.to_string())?;
        let signature = parts.expect(tag::BIT_STRING).and_then(bit_octets);
        let signature = signature.map_err(|error| error.to_string())?;
        let key = self
            .issuer
            .certificate
            .public_key()
            .map_err(|error| error.to_string())?;
        if seen.header.issuer.der() != self.issuer.certificate.subject().der() {
            return Err("its issuer is not the subject of the certificate of the CA".to_owned());
        }
        if algorithm.algorithm() != seen.header.signature_algorithm {
            return Err("it names two different signature algorithms".to_owned());
        }
        let verifier = self.verifier.ok_or("the key of the CA is not known")?;
        verifier
            .verify(key, signature)
            .map_err(|error| error.to_string())?;
        Ok(seen)
    }
}
