//! The live feed end to end: the registrar as a process, Debian's nginx in front of it, two hundred followers that run what
//! gates run.

#[cfg(test)]
mod followers {
    use std::io::Write as _;
    use std::path::Path;
    use std::time::Duration;

    use anyhow::Context as _;
    use kido_follow::{FeedCopy as _, PULL_INTERVAL, Pace};
    use kido_gate::identity::Identity;
    use kido_shared::challenge::Origin;
    use kido_shared::feed::FollowedTo;
    use kido_shared::limits::FEED_RANGE_RECORDS;
    use kido_shared::wire::v1::routes;
    use kido_tests::harness::{
        EventOptions, Follower, MemoryCopy, Nginx, Programs, Registrar, TicketRow, enrol_follower, free_port, wait_for,
    };

    /// Gates of a large evening.
    const FOLLOWERS: usize = 200;
    /// Full ranges of the event that they begin with, and tickets beyond them.
    const FULL_RANGES: usize = 3;
    const BEYOND: usize = 100;
    /// Longer than anything here takes on a busy machine.
    const SOON: Duration = Duration::from_secs(120);
    /// What is told is there long before the next poll of a follower that is told nothing; a busy machine has time, too.
    const TOLD_WITHIN: Duration = Duration::from_secs(10);

    /// As gates do, but for the check of what is told: polls are counted, and it would come in between.
    const PACE: Pace =
        Pace { poll: PULL_INTERVAL, cross_check: Duration::from_secs(3_600), silence: Duration::from_secs(45) };

    struct Scene {
        registrar: Registrar,
        event: String,
        identity: Identity,
        folder: tempfile::TempDir,
    }

    impl Scene {
        /// A registrar with an event of so many tickets, and a gate that is enrolled and never started.
        async fn open(tickets: usize) -> anyhow::Result<Self> {
            let folder = tempfile::Builder::new().prefix("kido-live-").tempdir()?;
            let programs = Programs::of_this_build()?;
            let anchors = folder.path().join("anchors");
            let mut anchor = std::process::Command::new(programs.virtual_card());
            let made = anchor.arg("anchors").arg("--out").arg(&anchors).output()?;
            anyhow::ensure!(made.status.success(), "no anchors");
            let path = folder.path();
            let mut registrar = Registrar::init(&programs, path, path, &anchors, (free_port()?, None)).await?;
            registrar.log_requests();
            registrar.start().await?;
            let event = registrar.rehearsal(&EventOptions::default()).await?;
            let identity = enrol_follower(&programs, &registrar, &event, (&path.join("gate"), path)).await?;
            let scene = Self { registrar, event, identity, folder };
            scene.import("FIRST", tickets).await?;
            Ok(scene)
        }

        fn path(&self) -> &Path {
            self.folder.path()
        }

        async fn import(&self, name: &str, tickets: usize) -> anyhow::Result<u64> {
            let rows: Vec<_> = (0..tickets).map(|number| TicketRow::open_now(&format!("{name}-{number:05}"))).collect();
            self.registrar.import(&self.event, &rows, false).await?;
            Ok(self.registrar.feed_length(&self.event).await?)
        }

        fn followers(&self, count: usize, origin: &str) -> anyhow::Result<Vec<Follower<MemoryCopy>>> {
            let (followed, origin) = (self.identity.followed(), Origin::parse(origin)?);
            let begin =
                |_number| Ok(Follower::begin(MemoryCopy::new(&followed)?, &origin, self.path().to_owned(), PACE)?);
            (0..count).map(begin).collect()
        }

        /// How often something was answered since the last time that this was asked.
        fn answered(&self, route: &str, before: &mut usize) -> anyhow::Result<usize> {
            let answered = self.registrar.answered(route)?;
            let new = answered - *before;
            *before = answered;
            Ok(new)
        }
    }

    /// All of them know so many records, and have come to the same end of the same chain.
    async fn all_know(followers: &[Follower<MemoryCopy>], length: u64, within: Duration) -> anyhow::Result<()> {
        let mut end: Option<FollowedTo> = None;
        for (number, follower) in followers.iter().enumerate() {
            follower.knows(length, within).await.with_context(|| format!("follower {number}"))?;
            let reached = follower.copy.position();
            anyhow::ensure!(reached.length == length && end.is_none_or(|end| end == reached), "{reached:?}, {end:?}");
            end = Some(reached);
        }
        Ok(())
    }

    /// So many streams were opened.
    async fn all_are_told(scene: &Scene, streams: usize) -> anyhow::Result<()> {
        let told = async || Ok((scene.registrar.answered(routes::FEED_STREAM)? >= streams).then_some(()));
        Ok(wait_for("every follower's stream", SOON, told).await?)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_hundred_that_start_at_once_behind_a_cache_cost_one_request_for_each_full_range() -> anyhow::Result<()>
    {
        if !Nginx::is_installed() {
            // Past the test runner, which would show it for failures only.
            writeln!(std::io::stderr(), "skipped: the live feed behind a cache: no nginx on this machine")?;
            return Ok(());
        }
        let records = u64::try_from(FULL_RANGES)? * FEED_RANGE_RECORDS + u64::try_from(BEYOND)?;
        let scene = Scene::open(usize::try_from(records)?).await?;
        let folder = scene.path().join("nginx");
        std::fs::create_dir(&folder)?;
        let nginx = Nginx::start(&scene.registrar, &folder, scene.path()).await?;
        let (mut ranges, mut heads) = (0, 0);
        scene.answered(routes::FEED_RANGE, &mut ranges)?;

        let followers = scene.followers(FOLLOWERS, &nginx.origin())?;
        let length = scene.registrar.feed_length(&scene.event).await?;
        all_know(&followers, length, SOON).await?;
        assert_eq!(scene.answered(routes::FEED_RANGE, &mut ranges)?, FULL_RANGES, "requests at the registrar");
        let log = nginx.feed_log()?;
        let count = |word: &str| log.lines().filter(|line| line.contains(" 200 ") && line.ends_with(word)).count();
        assert_eq!((count(" MISS"), count(" HIT")), (FULL_RANGES, (FOLLOWERS - 1) * FULL_RANGES), "{log:.2000}");

        // The same proxy passes on what is told, at once and to all of them.
        all_are_told(&scene, FOLLOWERS).await?;
        scene.answered(routes::FEED_HEAD, &mut heads)?;
        let length = scene.import("SECOND", 1).await?;
        all_know(&followers, length, TOLD_WITHIN).await?;
        let polls = scene.answered(routes::FEED_HEAD, &mut heads)?;
        assert!(polls < FOLLOWERS / 2, "{polls} polls: it was asked for, not told");
        drop(followers);
        Ok(nginx.stop().await?)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_registrar_that_was_killed_is_followed_again_by_itself_and_nothing_is_missed() -> anyhow::Result<()> {
        let mut scene = Scene::open(20).await?;
        let count = 8;
        let followers = scene.followers(count, &scene.registrar.origin())?;
        let length = scene.registrar.feed_length(&scene.event).await?;
        all_know(&followers, length, SOON).await?;
        all_are_told(&scene, count).await?;
        let mut streams = 0;
        for turn in 0..3 {
            scene.registrar.kill().await?;
            // Long enough for some to have failed once, some twice.
            tokio::time::sleep(Duration::from_millis(400 * turn)).await;
            scene.answered(routes::FEED_STREAM, &mut streams)?;
            scene.registrar.start().await?;
            let length = scene.import(&format!("AFTER-{turn}"), 30).await?;
            all_know(&followers, length, SOON).await?;
        }
        // Told again, not only asked for.
        all_are_told(&scene, streams + count).await?;
        let mut heads = scene.registrar.answered(routes::FEED_HEAD)?;
        let length = scene.import("LAST", 1).await?;
        all_know(&followers, length, TOLD_WITHIN).await?;
        let polls = scene.answered(routes::FEED_HEAD, &mut heads)?;
        assert!(polls < count, "{polls} polls: it was asked for, not told");
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_registrar_that_is_stopped_ends_its_streams_at_once() -> anyhow::Result<()> {
        let mut scene = Scene::open(1).await?;
        let followers = scene.followers(8, &scene.registrar.origin())?;
        all_are_told(&scene, followers.len()).await?;
        let begun = tokio::time::Instant::now();
        scene.registrar.stop().await?;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}: it waited for its streams", begun.elapsed());
        Ok(())
    }
}
