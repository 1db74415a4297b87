//! What a self-check found, as messages have it.

use kit::grpc::status;
use proto::ca::v1 as wire;
use tonic::{Response, Status};

use super::messages::decode_time;
use crate::app::{App, Report};

pub(super) async fn report(
    app: &App,
    request: wire::ReportHealthRequest,
) -> Result<Response<wire::ReportHealthResponse>, Status> {
    let checked = decode_time("checked_us", request.checked_us).map_err(status)?;
    let checked = checked.unwrap_or_else(|| app.clock.now());
    let report = Report {
        problems: request.problems,
        unknown: request.unknown,
    };
    let noted = app.report_health(&request.issuer, report, checked).await;
    noted.map_err(status)?;
    Ok(Response::new(wire::ReportHealthResponse {}))
}
