//! A standby that streams from a server, to fail over to.

use super::*;

impl Postgres {
    /// Starts a standby that has everything this server has and follows it. It can be promoted.
    ///
    /// # Errors
    /// When the copy cannot be made, or the standby does not start or does not follow.
    pub async fn standby(&self) -> Result<Self> {
        let (options, port) = (self.options.clone(), self.port);
        let mut standby = spawn_blocking(move || Self::copy(options, port)).await??;
        for _ in 0..PORT_ATTEMPTS {
            match standby.resume().await {
                Err(_) if standby.log_tail().contains("could not bind") => standby.port = port::unused()?,
                result => {
                    result?;
                    self.until_followed().await?;
                    return Ok(standby);
                }
            }
        }
        bail!("the standby found no free port:\n{}", standby.log_tail())
    }

    /// From here on commits wait until the standby has them on its disk too.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn wait_for_standby(&self) -> Result<()> {
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            .await?;
        self.sql("SELECT pg_reload_conf()").await?;
        self.until("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            .await
    }

    /// Makes a standby the primary, and returns when it takes writes.
    ///
    /// # Errors
    /// When it does not become one.
    pub async fn promote(&self) -> Result<()> {
        let promoted = self.sql("SELECT pg_promote(true, 60)").await?;
        ensure!(
            promoted == "t",
            "the standby was not promoted:\n{}",
            self.log_tail()
        );
        Ok(())
    }

    /// Marks a stopped server so that it starts as a standby that follows no server.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn make_standby(&self) -> Result<()> {
        fs::write(self.data().join("standby.signal"), "")?;
        Ok(())
    }

    async fn until_followed(&self) -> Result<()> {
        self.until("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")
            .await
    }

    async fn until(&self, one: &str) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while self.sql(one).await? != "1" {
            ensure!(
                Instant::now() < deadline,
                "no standby follows:\n{}",
                self.log_tail()
            );
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn copy(options: Options, primary: u16) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("gigvault-pg-").tempdir()?;
        let folder = fs::canonicalize(scratch.path())?;
        make_accessible(&folder)?;
        let data = folder.join("data");
        let copied = as_server_user("pg_basebackup", &folder)?
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &primary.to_string(),
                "-U",
                "postgres",
                "-D",
            ])
            .arg(&data)
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync"])
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            copied.status.success(),
            "pg_basebackup: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
        let watchdog = programs::watchdog(&data, &folder)?;
        Ok(Self {
            scratch,
            port: port::unused()?,
            options,
            databases: AtomicU32::new(0),
            watchdog,
        })
    }
}
