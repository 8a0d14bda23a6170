-- In which part of a folder a bad row stands; null where a file is one batch by itself.
ALTER TABLE quarantine ADD COLUMN part TEXT;
