/* The functions that the preload object puts in front of the C library's. */
#ifndef INQUEST_CAPTURE_HANDLER_INTERPOSE_H
#define INQUEST_CAPTURE_HANDLER_INTERPOSE_H

/* Looks up what stands behind them; once, before the program runs. */
void inq_interpose_begin(void);

#endif
