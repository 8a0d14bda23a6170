-- What listeners paid comes in batches too: one that stands has its name alone.
DROP INDEX import_batch;
CREATE UNIQUE INDEX import_batch ON import (kind, name)
    WHERE ended IS NULL AND kind IN ('usage', 'sales', 'listeners');
