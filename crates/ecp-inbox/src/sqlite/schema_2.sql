-- When `due` was set while it is in the future, by the clock of that time: it shows that the clock
-- was set back since.
ALTER TABLE ecp_inbox_callbacks ADD COLUMN since INTEGER;
