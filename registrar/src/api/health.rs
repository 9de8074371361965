//! Whether this registrar can do its work: for a supervisor, a load balancer, a person at a terminal.

use std::io::Write as _;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::wire::v1::operator::HealthBody;
use kido_shared::wire::v1::routes::HEALTH;
use kido_store::DEFAULT_RESERVE_BYTES;

use crate::state::AppState;

/// Asks every store and writes one small file. 200 where all is well, else 503 with the same body.
#[utoipa::path(get, path = HEALTH, tag = "health",
    responses((status = OK, body = HealthBody), (status = SERVICE_UNAVAILABLE, body = HealthBody)))]
pub async fn health(State(app): State<AppState>) -> (StatusCode, Json<HealthBody>) {
    let origin = app.origin.to_string();
    let looked = tokio::task::spawn_blocking(move || look(&app)).await;
    let unwell = HealthBody { ok: false, origin, disk_writable: false, events_served: 0, events_failed: 0 };
    let body = looked.unwrap_or(unwell);
    let status = if body.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(body))
}

fn look(app: &AppState) -> HealthBody {
    let events = app.store.health();
    let count =
        |served| u64::try_from(events.iter().filter(|event| event.served == served).count()).unwrap_or(u64::MAX);
    let (events_served, events_failed) = (count(true), count(false));
    let disk_writable = takes_writes(&app.data);
    let (ok, origin) = (disk_writable && events_failed == 0, app.origin.to_string());
    HealthBody { ok, origin, disk_writable, events_served, events_failed }
}

/// Room for facts, and a byte that is written but not synced: a full or read-only disk refuses it, and asking often wears
/// nothing out. The stores refuse before the disk does, and a registrar that is root could still write then.
fn takes_writes(folder: &Path) -> bool {
    let room = rustix::fs::statvfs(folder)
        .is_ok_and(|space| space.f_bavail.saturating_mul(space.f_frsize) > DEFAULT_RESERVE_BYTES);
    let written = std::fs::File::create(folder.join("health")).and_then(|mut file| file.write_all(b"."));
    room && written.is_ok()
}
