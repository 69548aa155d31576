UPDATE contacts SET phone = '' WHERE id > 0;
