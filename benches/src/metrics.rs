//! Metrics of a running system.

use testkit::system::System;

/// All of them, in the format of Prometheus.
pub(crate) async fn text(system: &System) -> anyhow::Result<String> {
    let url = format!("{}/metrics", system.ready().metrics);
    let answer = system.http()?.get(url).send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

/// The value of a series, which is named with its labels; `None` if nothing was counted yet.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    let values = text.lines().filter_map(|line| line.strip_prefix(series));
    values
        .filter_map(|rest| rest.strip_prefix(' '))
        .find_map(|value| value.trim().parse().ok())
}

/// The sum of all series of a metric that have this label, such as `source="memory"`.
pub(crate) fn sum(text: &str, name: &str, label: &str) -> f64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "))
        .filter(|(labels, _)| labels.split(',').any(|one| one == label))
        .filter_map(|(_, value)| value.trim().parse::<f64>().ok())
        .sum()
}
