SELECT rowid,heading,b FROM f;
