-- On PostgreSQL, references that are proven for many rows at once. Here foreign keys cost little,
-- and the triggers of 0003 prove them where a connection has switched foreign keys off.
SELECT 1;
