``imtw verify --quick`` tries the rows that measure no time side by side.
