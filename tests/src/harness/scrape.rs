//! A program's numbers, read as Prometheus reads them.

use super::HarnessError;
use super::process::Process;

/// What a program is told so that it can be scraped, at whatever port is free.
pub(super) const SCRAPED: [&str; 2] = ["--metrics", "127.0.0.1:0"];

/// What it says of it, before it says that it is ready.
const SAID: &str = "metrics on ";

/// Where a program that is starting can be scraped.
pub(super) async fn address(process: &mut Process) -> Result<String, HarnessError> {
    let line = process.line("where its metrics are", |line| line.starts_with(SAID)).await?;
    Ok(line.replacen(SAID, "", 1))
}

/// One scrape.
pub(super) async fn scrape(address: Option<&String>) -> Result<String, HarnessError> {
    let shape = |text: &str| HarnessError::Shape { what: "a scrape", text: text.to_owned() };
    let address = address.ok_or_else(|| shape("it does not run"))?;
    let answer = reqwest::Client::builder().no_proxy().build()?.get(address).send().await?.error_for_status()?;
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/openmetrics-text; version=1.0.0") {
        return Err(shape(kind));
    }
    Ok(answer.text().await?)
}
