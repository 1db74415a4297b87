//! Who answers what: below `/api/v1/` each first segment of a path has one owner, and so has each first segment of what relying
//! parties ask for over plain HTTP. Whoever forwards requests needs nothing but this table. The row with the longest prefix decides.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use kit::http::PublicOperation;
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation as Described, PathItem};
use vocabulary::EventType;

use super::openapi;
use super::services::Service;

/// What every route of REST begins with.
const BASE: &str = "/api/v1/";
/// The owner of what each process answers for itself, and is not forwarded.
const PROCESS: &str = "process";
/// The list of jobs, which each process answers for itself; a job below it belongs to the service that its id begins with.
const JOBS: &str = "/api/v1/jobs";

/// The routes of all services.
#[derive(Debug, Serialize)]
pub(crate) struct Routes {
    pub(crate) routes: Vec<Owned>,
}

/// Everything below one first segment, or the jobs of one service.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Owned {
    /// Such as `/api/v1/certificates`, `/api/v1/jobs/ca-`.
    pub(crate) prefix: String,
    /// Which paths that is.
    #[serde(rename = "match")]
    matching: Matching,
    /// Where it is served.
    listener: Listener,
    /// The service that answers, or `process`: each process answers for itself.
    pub(crate) service: &'static str,
    /// In the order of their paths.
    pub(crate) operations: Vec<Operation>,
}

impl Owned {
    /// For people: `/api/v1/certificates`, `/api/v1/jobs/ca-*`.
    pub(crate) fn paths(&self) -> String {
        match self.matching {
            Matching::Segments => self.prefix.clone(),
            Matching::Characters => format!("{}*", self.prefix),
        }
    }
}

/// The port of a process. HTTPS has what plain HTTP has too; certificates name the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Listener {
    /// REST.
    Https,
    /// What relying parties ask for.
    Http,
}

/// How a path is compared with a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Matching {
    /// The path is the prefix, or goes on with `/`: whole segments, as `pathType: Prefix` of an Ingress has it.
    Segments,
    /// The path begins with these characters.
    Characters,
}

/// One method of one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What the caller must hold; empty where any credential is enough.
    pub(crate) permission: String,
}

impl Routes {
    /// Of every service that this program has; none runs.
    ///
    /// # Errors
    /// A path elsewhere than below `/api/v1/`, or a first segment with two owners: a bug.
    pub(crate) fn of_all() -> anyhow::Result<Self> {
        let services = Service::ALL.map(|service| (service.name(), service.openapi()));
        let own = openapi::of_process().map(|document| (PROCESS, document));
        let public = Service::ALL.map(|service| (service.name(), service.public_operations()));
        let with_jobs = Service::ALL.into_iter().filter(|service| {
            // Whoever does long work says how far it is.
            service.events().contains(&EventType::JobProgress)
        });
        let routes = Self::of(services.into_iter().chain(own), public)?;
        Ok(routes.with_jobs(with_jobs.map(Service::name)))
    }

    /// Gives each of these services a row for its jobs.
    fn with_jobs(mut self, services: impl IntoIterator<Item = &'static str>) -> Self {
        let Some(list) = self.routes.iter_mut().find(|owned| owned.prefix == JOBS) else {
            return self;
        };
        let (of_list, of_job) = std::mem::take(&mut list.operations)
            .into_iter()
            .partition(|operation| operation.path == JOBS);
        list.operations = of_list;
        self.routes.extend(services.into_iter().map(|service| Owned {
            prefix: format!("{JOBS}/{service}-"),
            matching: Matching::Characters,
            listener: Listener::Https,
            service,
            operations: of_job.clone(),
        }));
        self.routes.sort_by(|one, other| one.prefix.cmp(&other.prefix));
        self
    }

    /// What documents describe below `/api/v1/`, and what relying parties ask for at `public_http_url`, which certificates name.
    fn of(
        documents: impl IntoIterator<Item = (&'static str, OpenApi)>,
        public: impl IntoIterator<Item = (&'static str, Vec<PublicOperation>)>,
    ) -> anyhow::Result<Self> {
        let mut rows = BTreeMap::new();
        for (service, document) in documents {
            for (path, item) in document.paths.paths {
                let owned = row(&mut rows, (service, Listener::Https), &path)?;
                owned.operations.extend(operations(&path, &item));
            }
        }
        for (service, operations) in public {
            for PublicOperation { method, path } in operations {
                let owned = row(&mut rows, (service, Listener::Http), &path)?;
                owned.operations.push(Operation {
                    method: method.to_string(),
                    path,
                    permission: String::new(),
                });
            }
        }
        Ok(Self {
            routes: rows.into_values().collect(),
        })
    }
}

/// The row of a path: that of its first segment.
fn row<'a>(
    rows: &'a mut BTreeMap<String, Owned>,
    (service, listener): (&'static str, Listener),
    path: &str,
) -> anyhow::Result<&'a mut Owned> {
    let base = match listener {
        Listener::Https => BASE,
        Listener::Http => "/",
    };
    let Some(segment) = path.strip_prefix(base).and_then(|rest| rest.split('/').next()) else {
        bail!("{path} of {service} is not below {base}");
    };
    let prefix = format!("{base}{segment}");
    let owned = rows.entry(prefix.clone()).or_insert_with(|| Owned {
        prefix,
        matching: Matching::Segments,
        listener,
        service,
        operations: Vec::new(),
    });
    let owner = owned.service;
    ensure!(
        owner == service,
        "{} belongs to {owner} and to {service}",
        owned.prefix
    );
    Ok(owned)
}

fn operations(path: &str, item: &PathItem) -> Vec<Operation> {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
        ("HEAD", &item.head),
        ("OPTIONS", &item.options),
        ("TRACE", &item.trace),
    ];
    let described = methods
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)));
    described
        .map(|(method, operation)| Operation {
            method: method.to_owned(),
            path: path.to_owned(),
            permission: permission(operation),
        })
        .collect()
}

fn permission(operation: &Described) -> String {
    let extensions = operation.extensions.as_ref();
    let named = extensions.and_then(|extensions| extensions.get("x-permission")?.as_str());
    named.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use utoipa::openapi::path::{HttpMethod, OperationBuilder};
    use utoipa::openapi::{OpenApiBuilder, PathsBuilder};

    use super::*;

    fn document(paths: &[&str]) -> OpenApi {
        let paths = paths.iter().fold(PathsBuilder::new(), |paths, path| {
            let item = PathItem::new(HttpMethod::Get, OperationBuilder::new().build());
            paths.path(*path, item)
        });
        OpenApiBuilder::new().paths(paths.build()).build()
    }

    #[test]
    fn each_first_segment_of_the_api_has_one_owner() {
        let routes = Routes::of_all().unwrap().routes;
        for service in Service::ALL.map(Service::name).into_iter().chain([PROCESS]) {
            assert!(routes.iter().any(|owned| owned.service == service), "{service}");
        }
        let found = routes.iter().find(|owned| owned.prefix == "/api/v1/certificates");
        assert_eq!(found.unwrap().service, "ca");
        // As the service serves it.
        let ocsp = routes.iter().find(|owned| owned.prefix == "/ocsp").unwrap();
        assert_eq!((ocsp.service, ocsp.listener), ("ocsp", Listener::Http));
        let get = |operation: &Operation| operation.method == "GET" && operation.path == "/ocsp/{request}";
        assert!(ocsp.operations.iter().any(get));
    }

    #[test]
    fn jobs_belong_to_the_service_that_their_id_begins_with() {
        let documents = [(
            "process",
            document(&[JOBS, "/api/v1/jobs/{id}", "/api/v1/jobs/{id}/items"]),
        )];
        let routes = Routes::of(documents, []).unwrap().with_jobs(["crl", "ca"]).routes;
        let paths = |owned: &Owned| {
            let paths = owned.operations.iter().map(|operation| operation.path.clone());
            (owned.prefix.clone(), owned.service, paths.collect::<Vec<_>>())
        };
        let of_job = || {
            vec![
                "/api/v1/jobs/{id}".to_owned(),
                "/api/v1/jobs/{id}/items".to_owned(),
            ]
        };
        assert_eq!(
            routes.iter().map(paths).collect::<Vec<_>>(),
            [
                (JOBS.to_owned(), PROCESS, vec![JOBS.to_owned()]),
                ("/api/v1/jobs/ca-".to_owned(), "ca", of_job()),
                ("/api/v1/jobs/crl-".to_owned(), "crl", of_job()),
            ]
        );
    }

    #[test]
    fn a_second_owner_and_a_path_elsewhere_are_refused() {
        let two = [
            ("a", document(&["/api/v1/x"])),
            ("b", document(&["/api/v1/x/{id}"])),
        ];
        let error = Routes::of(two, []).unwrap_err().to_string();
        assert_eq!(error, "/api/v1/x belongs to a and to b");
        assert!(Routes::of([("a", document(&["/x"]))], []).is_err());
        let get = |path: &str| PublicOperation {
            path: path.to_owned(),
            method: Method::GET,
        };
        let two = [("a", vec![get("/x")]), ("b", vec![get("/x/{id}")])];
        let error = Routes::of([], two).unwrap_err().to_string();
        assert_eq!(error, "/x belongs to a and to b");
        let one = Routes::of([("a", document(&["/api/v1/x", "/api/v1/x/{id}"]))], []).unwrap();
        assert_eq!(one.routes.len(), 1);
        assert_eq!(one.routes[0].operations.len(), 2);
    }
}
