export { createExchange, type Exchange, type ExchangeOptions, exchangeOf, type ProxyErrorType } from './exchange.ts'
