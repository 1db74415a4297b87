//! `/api/v1/config/effective`: the settings that this process runs with, and where each came from.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{FromRef, State};
use kit::auth::{Allow, Authenticator, permission};
use kit::config::{Setting, Source};
use kit::http::{Json, NoParameters, Query};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::settings::Settings;

/// The settings in use. SIGHUP replaces some of them while the process runs.
#[derive(Clone, Debug)]
pub(crate) struct Effective(Arc<RwLock<Vec<Setting>>>);

impl Effective {
    pub(crate) fn of(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(RwLock::new(settings.origin.settings(settings)?))))
    }

    /// Takes over one setting from those that were read again.
    pub(crate) fn replace(&self, field: &str, from: &Settings) {
        let Ok(read) = from.origin.settings(from) else {
            return;
        };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter_mut().find(|known| known.field == field);
        if let (Some(known), Some(new)) = (known, read.into_iter().find(|new| new.field == field)) {
            *known = new;
        }
    }

    fn all(&self) -> Vec<Setting> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the handler asks for.
#[derive(Clone, FromRef)]
pub(crate) struct Configuration {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) effective: Effective,
}

/// The settings that the process that answers runs with.
#[derive(Serialize, ToSchema)]
struct EffectiveConfig {
    /// Sorted by field.
    settings: Vec<EffectiveSetting>,
}

/// One setting.
#[derive(Serialize, ToSchema)]
struct EffectiveSetting {
    /// Its path in the configuration.
    #[schema(example = "listen.https_port")]
    field: String,
    /// As in the file. Of a secret the reference (`file:…`, `env:…`), never the value; of a URL neither user nor password.
    #[schema(value_type = serde_json::Value, example = json!(8443))]
    value: serde_json::Value,
    /// `default`, `file`, `environment`, or `flag`.
    source: SettingSource,
    /// The place in the file, the variable, or the flag; absent for a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "gigvault.yaml:3")]
    from: Option<String>,
}

/// Where the value of a setting came from.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SettingSource {
    Default,
    File,
    Environment,
    Flag,
}

impl From<Setting> for EffectiveSetting {
    fn from(setting: Setting) -> Self {
        let (source, from) = match setting.source {
            Source::Default => (SettingSource::Default, None),
            Source::File { place } => (SettingSource::File, Some(place)),
            Source::Environment { variable } => (SettingSource::Environment, Some(variable)),
            Source::Flag { flag } => (SettingSource::Flag, Some(flag.to_owned())),
        };
        Self {
            field: setting.field,
            value: setting.value,
            source,
            from,
        }
    }
}

pub(crate) fn router(configuration: Configuration) -> OpenApiRouter {
    routes().with_state(configuration)
}

pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Configuration> {
    let routes = OpenApiRouter::new().routes(routes!(effective));
    kit::openapi::tagged("config", "The configuration of the process that answers.", routes)
}

/// Shows the settings in use, and for each where its value came from.
///
/// What SIGHUP read again and applied is in it; what waits for a restart is not.
#[utoipa::path(
    get, path = "/api/v1/config/effective", tag = "config",
    responses((status = 200, body = EffectiveConfig)),
    extensions(("x-permission" = json!("config:read")))
)]
async fn effective(
    State(effective): State<Effective>,
    _: Allow<permission::ConfigRead>,
    _: Query<NoParameters>,
) -> Json<EffectiveConfig> {
    let settings = effective.all().into_iter().map(EffectiveSetting::from).collect();
    Json(EffectiveConfig { settings })
}
